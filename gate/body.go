package gate

import (
	"bytes"
	"compress/gzip"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"postern/policy"
)

// Body is the body of a request, which the gate reads at most once and only
// where a route has a use for it. What it holds counts until the request ends.
// It is not safe for concurrent use.
type Body interface {
	// ReadAll returns the whole body as it came, of at most limit bytes. Its
	// error is a policy.Denial.
	ReadAll(limit int64) ([]byte, error)
	// Buffer reads what a body was decoded to, of at most limit bytes, into memory
	// that counts as its own does. With an error, which is r's or a
	// policy.Denial, it may return what it has read so far.
	Buffer(r io.Reader, limit int64) ([]byte, error)
	// Reserve counts bytes that are held beside the body. Its error is a
	// policy.Denial.
	Reserve(bytes int64) error
}

// bodyReading is what a decision knows of the body.
type bodyReading struct {
	raw    []byte
	rawErr error
	read   bool // raw and rawErr are known

	values policy.BodyValues // of the route's plan; for JSON
	form   string            // for a form
	err    error
	parsed bool // values, form and err are known
}

// RawBody implements authn.Request. It reads the body the first time that it is
// asked for.
func (d *Decision) RawBody() ([]byte, error) {
	b := &d.body
	if !b.read && d.request.Body != nil {
		b.raw, b.rawErr = d.request.Body.ReadAll(d.Route.BodyLimit)
	}
	b.read = true
	return b.raw, b.rawErr
}

// passable reports whether the body, as far as it was read, can still be sent on
// as it came.
func (b *bodyReading) passable() bool {
	reason := policy.ReasonOf(b.rawErr)
	return reason == policy.ReasonNone || reason == policy.BodyTooLarge || reason == policy.Overloaded
}

// readBody reads and parses the body, the first time that it is asked for.
func (d *Decision) readBody() (*bodyReading, error) {
	b := &d.body
	if !b.parsed {
		b.err = d.parseBody()
		b.parsed = true
	}
	return b, b.err
}

// bodyPart returns what the body has at a path that the route reads.
func (d *Decision) bodyPart(path string) (policy.Occurrences, error) {
	body, err := d.readBody()
	if err != nil {
		return policy.Occurrences{}, err
	}
	slot := d.compiled.slots[path]
	if d.Route.BodyForm {
		texts, err := appendQuery(nil, body.form, d.compiled.readForms[slot])
		return policy.Occurrences{Texts: texts}, err
	}
	return policy.Occurrences{Values: body.values[slot]}, nil
}

func (d *Decision) parseBody() error {
	raw, err := d.RawBody()
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		d.body.values = d.compiled.body.NoBody()
		return nil
	}
	if err := checkContentType(d.request.Header, d.Route.BodyForm); err != nil {
		return err
	}
	content, err := d.decodeBody(raw)
	if err != nil {
		return err
	}
	if d.Route.BodyForm {
		if err := d.request.Body.Reserve(int64(len(content))); err != nil {
			return err
		}
		d.body.form = string(content)
		return checkForm(d.body.form, d.compiled.readForms)
	}
	return d.scanBody(content)
}

// scanBody reads a document. What that takes beside the document is several
// times as much for a moment, and so as many are read at a time as can be.
func (d *Decision) scanBody(document []byte) error {
	values, err := d.scan(document)
	if err != nil {
		return policy.Deny(policy.MalformedBody, "the body cannot be read in exactly one way")
	}
	d.body.values = values
	if size := values.Size(); size > uncounted {
		return d.request.Body.Reserve(size)
	}
	return nil
}

func (d *Decision) scan(document []byte) (policy.BodyValues, error) {
	d.gate.scans <- struct{}{}
	defer func() { <-d.gate.scans }()
	return d.compiled.body.Scan(document)
}

// uncounted is what may be collected of a body as a part of what any request
// takes.
const uncounted = 4 << 10

// checkContentType wants the one media type that the route reads, in UTF-8: a
// backend that reads another type, or another charset, reads something else.
func checkContentType(h http.Header, form bool) error {
	fields := h["Content-Type"]
	if len(fields) != 1 {
		return policy.Deny(policy.MalformedBody, "the body needs one Content-Type")
	}
	media, parameters, err := mime.ParseMediaType(fields[0])
	charset := strings.ToLower(parameters["charset"])
	delete(parameters, "charset")
	wanted := isJSON(media) && !looksLikeForm(fields[0])
	if form {
		wanted = media == "application/x-www-form-urlencoded" && len(parameters) == 0
	}
	// RFC 2231: package mime drops what it cannot decode.
	if err != nil || !wanted || strings.Contains(fields[0], "*") {
		return policy.Deny(policy.MalformedBody, "the route does not read this Content-Type")
	}
	switch charset {
	case "", "utf-8", "utf8":
		return nil
	}
	return policy.Deny(policy.MalformedBody, "the body must be UTF-8")
}

func isJSON(media string) bool {
	return strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}

// looksLikeForm reports whether a Content-Type holds a word of those of forms: some
// backends look for one anywhere in the field, and would read a form.
func looksLikeForm(field string) bool {
	field = strings.ToLower(field)
	return slices.ContainsFunc([]string{"urlencoded", "form-data", "multipart"}, func(word string) bool { return strings.Contains(field, word) })
}

// decodeBody undoes the Content-Encoding (RFC 9110, section 8.4).
func (d *Decision) decodeBody(raw []byte) ([]byte, error) {
	fields := d.request.Header["Content-Encoding"]
	switch {
	case len(fields) == 0 || len(fields) == 1 && strings.EqualFold(fields[0], "identity"):
		return raw, nil
	case len(fields) > 1 || !strings.EqualFold(fields[0], "gzip"):
		return nil, policy.Deny(policy.MalformedBody, "the only Content-Encoding that is read is gzip")
	}
	compressed := bytes.NewReader(raw)
	z, err := gzip.NewReader(compressed)
	if err != nil {
		return nil, errNotGzip
	}
	// Some backends stop after the first member, some go on: there may be one.
	z.Multistream(false)
	content, err := d.request.Body.Buffer(z, d.Route.BodyLimit)
	switch {
	case err == nil && compressed.Len() == 0:
		if d.Route.BodyForm && hasFormName(raw, d.compiled.readForms) {
			return nil, errForm // to PHP and Go the body as it came is the form
		}
		return content, nil
	case policy.ReasonOf(err) == policy.BodyTooLarge || policy.ReasonOf(err) == policy.Overloaded:
		return nil, err
	}
	return nil, errNotGzip
}

// errNotGzip is for a body that is not exactly one gzip member (RFC 1952).
var errNotGzip = policy.Deny(policy.MalformedBody, "the body is not what Content-Encoding says")
