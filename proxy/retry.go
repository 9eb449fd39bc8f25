package proxy

import (
	"net/http"
	"strings"
)

// forbidRetries keeps http.Transport from sending a request again that may have
// arrived, because its client calls it idempotent: whether it is, only the backend
// knows. The transport looks for these names in this spelling alone, and to a
// backend another one is the same.
func forbidRetries(h http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
}
