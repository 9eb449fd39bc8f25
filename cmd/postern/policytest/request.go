package policytest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// RequestLine is a method and a URL, such as "GET /path?query". A URL with a scheme
// also gives the Host, which otherwise is localhost.
type RequestLine struct{ method, host, target string }

const defaultHost = "localhost"

// UnmarshalText reads the line.
func (l *RequestLine) UnmarshalText(text []byte) error {
	method, target, found := strings.Cut(string(text), " ")
	if !found || !httpguts.ValidHeaderFieldName(method) || target == "" ||
		strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("%q is no method and URL, such as GET /path", text)
	}
	*l = RequestLine{method, defaultHost, target}
	for _, scheme := range []string{"http://", "https://"} {
		if rest, absolute := strings.CutPrefix(target, scheme); absolute {
			host, path, _ := strings.Cut(rest, "/")
			l.host, l.target = host, "/"+path
		}
	}
	return nil
}

// framing are the fields that the body itself brings.
var framing = []string{"Content-Length", "Transfer-Encoding", "Trailer"}

func checkHeaders(at policy.Path, headers map[string]policy.OneOrMore[string], problems *policy.Problems) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !httpguts.ValidHeaderFieldName(name):
			problems.Addf(at.At(name), "%q is no name of a header", name)
		case slices.Contains(framing, canonical):
			problems.Addf(at.At(name), "belongs to the body, and is not written")
		case slices.ContainsFunc(headers[name], func(value string) bool { return !httpguts.ValidHeaderFieldValue(value) }):
			problems.Addf(at.At(name), "holds a byte that no header can")
		}
	}
}

// draft is a request that is being put together.
type draft struct {
	RequestLine
	header http.Header
	json   any
	form   map[string][]string
	text   string
}

func (c *Case) draft() *draft {
	d := &draft{RequestLine: c.Request, header: http.Header{}, json: clone(c.JSON), text: c.Body}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		canonical := http.CanonicalHeaderKey(name)
		d.header[canonical] = append(d.header[canonical], c.Headers[name]...)
	}
	if hosts := d.header["Host"]; len(hosts) == 1 {
		d.host = hosts[0]
		delete(d.header, "Host")
	}
	if c.Form != nil {
		d.form = map[string][]string{}
		for name, values := range c.Form {
			d.form[name] = slices.Clone(values)
		}
	}
	return d
}

// clone copies a JSON value, so that a credential can be put into it.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = clone(member)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = clone(element)
		}
		return list
	}
	return value
}

// body returns the body, and gives it a media type unless the case says which.
func (d *draft) body() ([]byte, error) {
	media, content := "", []byte(d.text)
	switch {
	case d.json != nil:
		media = "application/json"
		var err error
		if content, err = json.Marshal(d.json); err != nil {
			return nil, err
		}
	case d.form != nil:
		media, content = "application/x-www-form-urlencoded", []byte(url.Values(d.form).Encode())
	}
	if _, given := d.header["Content-Type"]; media != "" && !given {
		d.header.Set("Content-Type", media)
	}
	return content, nil
}

// parse returns the request as net/http reads it from a connection, and its body.
func (d *draft) parse() (*http.Request, []byte, error) {
	body, err := d.body()
	if err != nil {
		return nil, nil, err
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "%s %s HTTP/1.1\r\nHost: %s\r\n", d.method, d.target, d.host)
	if err := d.header.Write(&message); err != nil {
		return nil, nil, err
	}
	message.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(&message))
	if err != nil {
		return nil, nil, errors.New("net/http refuses the request before Postern sees it: " + err.Error())
	}
	return r, body, nil
}
