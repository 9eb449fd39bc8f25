// Command reference is the reverse proxy that a Go team writes in an afternoon: the
// standard library's, with a token check in front. Postern is measured against it.
//
// It has three faces, from careless to careful: the default transport with neither
// log nor metrics; the tuned transport; and that with the access log and the
// metrics that Postern writes, too. The first segment of the path says which
// credential a request needs: /public none, /token a static token, /body one in
// front of a body, /hs256, /rs256 and /es256 a JWT, which it verifies each time or
// remembers.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	upstream := flag.String("upstream", "", "the URL of the backend")
	tuned := flag.Bool("tuned", false, "keep connections to the backend, lend buffers")
	logFile := flag.String("log", "", "write an access log to this file, and count metrics; off where empty")
	keys := flag.String("keys", "", "the folder of hs256.key, rs256.pem and es256.pem; no tokens where empty")
	remember := flag.Bool("remember", false, "remember verified tokens")
	token := flag.String("token", "", "the static token")
	denial := flag.String("denial", "", "the file with the body of a refusal")
	flag.Parse()

	target, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	var verify *verifier
	if *keys != "" {
		if verify, err = newVerifier(*keys, *token, *denial, *remember); err != nil {
			log.Fatal(err)
		}
	}
	var account *accounts
	if *logFile != "" {
		if account, err = newAccounts(*logFile); err != nil {
			log.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	server := &http.Server{
		Handler:           newHandler(target, *tuned, verify, account),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	log.SetOutput(os.Stderr)
	log.Fatal(server.Serve(l))
}

// newHandler returns the proxy. Without a verifier every request is let through;
// without accounts none is written down.
func newHandler(target *url.URL, tuned bool, verify *verifier, account *accounts) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.SetXForwarded()
		p.Out.Host = p.In.Host
	}}
	if tuned {
		proxy.Transport = &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   256,
			DisableCompression:    true,
		}
		proxy.BufferPool = &buffers{sync.Pool{New: func() any { return new([32 << 10]byte) }}}
	}
	var handler http.Handler = proxy
	if verify != nil {
		handler = verify.before(handler)
	}
	if account != nil {
		handler = account.around(handler)
	}
	return handler
}

type buffers struct{ sync.Pool }

func (p *buffers) Get() []byte  { return p.Pool.Get().(*[32 << 10]byte)[:] }
func (p *buffers) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }
