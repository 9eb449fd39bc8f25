//go:build ignore

// Command backend is a stand-in for the Tiledesk server: it answers each request
// with what it was told about the caller.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:3000", "`address` to listen on")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	server := &http.Server{Handler: http.HandlerFunc(tell), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(l))
}

func tell(w http.ResponseWriter, r *http.Request) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Success       bool   `json:"success"`
		Level         string `json:"level"`
		Project       string `json:"project"`
		Customer      string `json:"customer"`
		Agent         string `json:"agent"`
		Authorization string `json:"authorization"`
	}{true, r.Header.Get("X-Auth-Level"), r.Header.Get("X-Project-Id"), r.Header.Get("X-Customer-Id"), r.Header.Get("X-Agent-Id"), scheme})
}
