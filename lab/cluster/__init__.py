"""The parts of the running lab, one small file each."""
