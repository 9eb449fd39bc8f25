package explain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Request is a request as a client would write it to its connection.
type Request struct {
	Method string
	Host   string
	// Target is the path and the query as they came.
	Target string
	Fields []Field
	Body   []byte
	// HasBody says that there is one, be it empty.
	HasBody bool
}

// Field is a field of the request's header, with its name as it was spelled.
type Field struct{ Name, Value string }

// defaultHost is sent where a URL names none.
const defaultHost = "localhost"

// errNoMethod does not tell the method: it may be a credential that came to stand in
// its place.
var errNoMethod = errors.New("the method is empty, or holds a space or a control character")

// ParseRequest reads a method, and a URL or a path with its query, which is not
// cleaned in any way.
func ParseRequest(method, address string) (*Request, error) {
	r := &Request{Method: method}
	if method == "" || strings.ContainsFunc(method, notInLine) {
		return nil, errNoMethod
	}
	return r, r.setURL(address)
}

func (r *Request) setURL(address string) error {
	rest, host := address, defaultHost
	if scheme, after, found := strings.Cut(address, "://"); found && !strings.ContainsAny(scheme, "/?") {
		switch strings.ToLower(scheme) {
		case "http", "https", "ws", "wss":
		default:
			return fmt.Errorf("%s:// is not served: use http, https, ws, wss, or a path", scheme)
		}
		end := strings.IndexAny(after, "/?#")
		if end < 0 {
			end = len(after)
		}
		host, rest = after[:end], after[end:]
	}
	if strings.Contains(host, "@") {
		return errors.New("a user in the URL is no part of a request: send an Authorization header")
	}
	rest, _, _ = strings.Cut(rest, "#") // no client sends it
	if !strings.HasPrefix(rest, "/") {
		if rest != "" && rest[0] != '?' {
			path, _, _ := strings.Cut(address, "?") // behind which a credential may stand
			return fmt.Errorf("%q is no URL, and no path that begins with a slash", path)
		}
		rest = "/" + rest
	}
	if host == "" || strings.ContainsFunc(host+rest, notInLine) {
		return errors.New("the URL holds a space or a control character, or no host")
	}
	r.Host, r.Target = host, rest
	return nil
}

// notInLine reports what would end the request line, or a part of it.
func notInLine(c rune) bool { return c <= ' ' || c == 0x7f }

// AddField adds "Name: value". What frames a body is not the caller's.
func (r *Request) AddField(line string) error {
	name, value, found := strings.Cut(line, ":")
	switch {
	case !found || strings.TrimSpace(name) == "":
		return errors.New("a header field has no name before a colon: write Name: value")
	case strings.ContainsAny(line, "\r\n\x00"):
		return fmt.Errorf("the header field %q holds a line break", name)
	case strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding"):
		return fmt.Errorf("%s is set by the body: leave it out", name)
	}
	if strings.EqualFold(name, "Host") {
		r.Host = strings.TrimSpace(value)
		return nil
	}
	r.Fields = append(r.Fields, Field{name, strings.Trim(value, " \t")})
	return nil
}

// has reports whether a field is there already.
func (r *Request) has(name string) bool {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// SetBody sets the body. Where the header names no Content-Type, it is that of JSON
// for what begins as an object or a list, and otherwise that of a form.
func (r *Request) SetBody(body []byte) {
	r.Body, r.HasBody = body, true
	if r.has("Content-Type") {
		return
	}
	media := "application/x-www-form-urlencoded"
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		media = "application/json"
	}
	r.Fields = append(r.Fields, Field{"Content-Type", media})
}

// write writes the request as HTTP/1.1.
func (r *Request) write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, r.Host)
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	if r.HasBody {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	_, err := w.Write(b.Bytes())
	return err
}

// withQuery adds text to the query of the target.
func (r *Request) withQuery(query string) {
	separator := "?"
	if strings.Contains(r.Target, "?") {
		separator = "&"
	}
	r.Target += separator + query
}
