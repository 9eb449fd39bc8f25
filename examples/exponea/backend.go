//go:build ignore

// Command backend is an example of what stands behind Postern. It verifies
// nothing: it believes the identity headers, and says what they told.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:4000", "`address` to listen on")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	server := &http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(l))
}

// answer tells whom the request is from.
func answer(w http.ResponseWriter, r *http.Request) {
	told := map[string]any{"success": true, "level": r.Header.Get("X-Auth-Level")}
	for key, name := range map[string]string{"project": "X-Project", "stream": "X-Stream"} {
		if value := r.Header.Get(name); value != "" {
			told[key] = value
		}
	}
	// Values of identity headers are percent-encoded, exactly once.
	ids, err := url.PathUnescape(r.Header.Get("X-Customer-Ids"))
	if err != nil {
		http.Error(w, "X-Customer-Ids is not from Postern", http.StatusBadRequest)
		return
	}
	if ids != "" {
		told["ids"] = json.RawMessage(ids)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(told) // the client may be gone
}
