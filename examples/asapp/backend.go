//go:build ignore

// Command backend is a stand-in for ASAPP and for the company's own API: it
// answers the call that authenticates a conversation as ASAPP does, and any
// other with what it was told about the caller.
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
	if strings.HasSuffix(r.URL.Path, "/authenticate") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Level    string `json:"level"`
		Customer string `json:"customer"`
		API      string `json:"api"`
	}{r.Header.Get("X-Auth-Level"), r.Header.Get("X-Customer-Id"), r.Header.Get("Asapp-Api-Id")})
}
