package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// request is one of those that wrk sends in turn.
type request struct {
	method, path  string
	authorization string // none where empty
	body          string // none where empty
}

// text is the request as it goes over the wire. The fields are those of an SDK on a
// phone.
func (r request) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: bench.example.com\r\n", r.method, r.path)
	b.WriteString("Accept: application/json\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nUser-Agent: sdk/4.2 (Android 16)\r\n")
	if r.authorization != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", r.authorization)
	}
	if r.body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	b.WriteString(r.body)
	return b.String()
}

// writeScript writes what makes wrk send the requests, one after another and then
// from the first again, and returns the file's path.
func writeScript(folder, name string, list []request) (string, error) {
	var b strings.Builder
	b.WriteString("local requests = {\n")
	for _, r := range list {
		fmt.Fprintf(&b, "%s,\n", luaQuote(r.text()))
	}
	b.WriteString("}\nlocal n = 0\nfunction request()\n  n = n % #requests + 1\n  return requests[n]\nend\n")
	path := filepath.Join(folder, name+".lua")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// luaQuote writes ASCII text as a string of Lua, which has Go's escapes for all that
// occurs here.
func luaQuote(s string) string { return strconv.Quote(s) }

// document is a JSON body of about 8 KB with the customer's id in its middle, as an
// SDK sends a batch of events.
func document(id string) string {
	event := `{"type":"page_visit","timestamp":1795342800.25,"properties":{"path":"/products/4711","referrer":"https://www.example.com/","viewport":[390,844]}}`
	var events []string
	for range 27 {
		events = append(events, event)
	}
	half := strings.Join(events, ",")
	return `{"before":[` + half + `],"customer":{"id":"` + id + `"},"after":[` + half + `]}`
}
