"""What an ordinary user does with MLflow's own client, all of it with what is theirs: a process of its own.

`python -m tests.e2e.own_things NAME`, server and login in MLflow's own variables. Ends at what fails first.
"""

from __future__ import annotations

import sys
import tempfile

import mlflow
from mlflow.client import MlflowClient


def main(name: str) -> None:
    """Experiments, runs, artifacts, models, prompts and traces are made, read, changed and deleted."""
    client = MlflowClient()
    mlflow.set_experiment(name)
    with mlflow.start_run() as active:
        mlflow.log_params({"model": "baseline"})
        mlflow.log_metrics({"loss": 0.2, "accuracy": 0.9})
        mlflow.log_text("hello", "model/hello.txt")
        mlflow.set_tag("stage", "first")
    run, experiment, artifacts = active.info.run_id, active.info.experiment_id, active.info.artifact_uri
    assert artifacts

    model = client.create_logged_model(experiment, name="m", source_run_id=run)
    client.log_metric(run, "loss", 0.1, model_id=model.model_id)
    client.log_model_artifacts(model.model_id, tempfile.mkdtemp())
    client.finalize_logged_model(model.model_id, "READY")
    client.set_logged_model_tags(model.model_id, {"kind": "small"})
    assert mlflow.search_logged_models([experiment], output_format="list")

    client.create_registered_model(name)
    for source in (f"runs:/{run}/model", f"{artifacts}/model"):
        client.create_model_version(name, source=source, run_id=run)
    client.create_model_version(name, source=f"models:/{model.model_id}", model_id=model.model_id)
    client.copy_model_version(f"models:/{name}/2", f"{name}-copy")
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    client.set_model_version_tag(name, "1", "checked", "yes")
    assert len(client.search_model_versions(f"name = '{name}'")) == 3
    mlflow.artifacts.download_artifacts(f"models:/{name}/2/hello.txt")
    client.rename_registered_model(name, f"{name}-renamed")
    client.get_registered_model(f"{name}-renamed")

    for template in ("one {{x}}", "two {{x}}"):
        mlflow.genai.register_prompt(name=f"{name}-prompt", template=template)
    assert mlflow.genai.load_prompt(f"prompts:/{name}-prompt/2").template == "two {{x}}"

    with mlflow.start_span("step") as span:
        span.set_inputs({"question": 1})
        span.set_outputs({"answer": 2})
    trace = span.trace_id
    assert mlflow.get_trace(trace)
    client.set_trace_tag(trace, "topic", "numbers")
    mlflow.log_feedback(trace_id=trace, name="good", value={"trace_id": "a user's own word"})
    client.delete_traces(experiment, trace_ids=[trace])

    assert [found.info.run_id for found in client.search_runs([experiment])] == [run]
    assert [found.path for found in client.list_artifacts(run, "model")] == ["model/hello.txt"]
    mlflow.artifacts.download_artifacts(run_id=run, artifact_path="model/hello.txt")
    assert client.get_metric_history(run, "loss")
    client.update_run(run, name="renamed")
    client.delete_run(run)
    client.restore_run(run)
    client.rename_experiment(experiment, f"{name}-renamed")
    for registered in (f"{name}-renamed", f"{name}-copy"):
        client.delete_registered_model(registered)
    client.delete_experiment(experiment)


if __name__ == "__main__":
    main(sys.argv[1])
