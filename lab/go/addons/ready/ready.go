// Package ready tells who asks whether a program is at its work yet.
package ready

import (
	"net/http"
	"sync/atomic"
)

// Answering says 503 until yes is true, and 200 from then on.
func Answering(yes *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		if !yes.Load() {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}
