//go:build ignore

// Command backend is a stand-in for ASAPP and for the company's own API: it
// answers the call that authenticates a conversation as ASAPP does, the one for a
// customer's profile as a company does, and any other with what it was told about
// the caller.
package main

import (
	"encoding/base64"
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

// accounts are the company's customers, by the identifiers in their tokens. One
// of them has been merged into another.
var accounts = map[string]string{"7d1f0c9a2be84f55": "7d1f0c9a2be84f55", "0aa1b6e2d94c7f38": "7d1f0c9a2be84f55"}

// profile answers with the profile of the customer who signed in. A real API would
// verify the token.
func profile(w http.ResponseWriter, r *http.Request) {
	var claims struct{ Sub string }
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	if len(parts) == 3 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims)
	}
	account, known := accounts[claims.Sub]
	if !known {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"customerIdentifier":%q}`+"\n", account)
}

func tell(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/userprofile" {
		profile(w, r)
		return
	}
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
