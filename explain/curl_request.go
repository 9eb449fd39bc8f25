package explain

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func (c *curl) setURL(address string) error {
	if c.url != "" {
		return errors.New("the command line names two URLs: only one request can be explained")
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	c.url = address
	return nil
}

// addHeader is -H: "Name: value", "Name;" for an empty value, and "Name:" for a
// field of curl's own that it shall not send.
func (c *curl) addHeader(line string) error {
	if strings.HasPrefix(line, "@") {
		return errors.New("curl's -H @file is not understood here: write the fields out")
	}
	if name, found := strings.CutSuffix(line, ";"); found && !strings.Contains(line, ":") {
		return c.request.AddField(name + ":")
	}
	if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(value) == "" {
		c.removed = append(c.removed, strings.ToLower(name))
		return nil
	}
	return c.request.AddField(line)
}

// set sets a field that an option of its own stands for. Of two, the last one counts.
func (c *curl) set(name, value string) {
	c.options = slices.DeleteFunc(c.options, func(f Field) bool { return f.Name == name })
	c.options = append(c.options, Field{name, value})
}

func (c *curl) addData(value string, read bool, clean func([]byte) []byte) error {
	data := []byte(value)
	if name, file := strings.CutPrefix(value, "@"); file && read {
		var err error
		if data, err = c.around.ReadFile(name); err != nil {
			return err
		}
		data = clean(data)
	}
	c.data, c.hasData = append(c.data, data), true
	return nil
}

// withoutLines is what curl's -d does to a file.
func withoutLines(data []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return -1
		}
		return r
	}, data)
}

func (c *curl) addJSON(value string) error {
	c.json = true
	return c.addData(value, true, func(b []byte) []byte { return b })
}

// addEncoded is --data-urlencode: content, =content or name=content. What begins
// with a file is not read.
func (c *curl) addEncoded(value string) error {
	name, content, named := strings.Cut(value, "=")
	switch {
	case !named && strings.Contains(value, "@"):
		return errors.New("curl's --data-urlencode of a file is not understood here")
	case !named:
		value = url.QueryEscape(value)
	case name == "":
		value = url.QueryEscape(content)
	default:
		value = name + "=" + url.QueryEscape(content)
	}
	return c.addData(value, false, nil)
}

func (c *curl) setCookie(value string) error {
	if !strings.Contains(value, "=") {
		return errors.New("curl's -b with a file is not understood here: write name=value")
	}
	for _, f := range c.options {
		if f.Name == "Cookie" {
			value = f.Value + ";" + value
		}
	}
	c.set("Cookie", value)
	return nil
}

func (c *curl) setUser(value string) error {
	if !strings.Contains(value, ":") {
		return errors.New("curl's -u without a password asks for it: write user:password")
	}
	c.set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(value)))
	return nil
}

// finish makes the request out of what the options said.
func (c *curl) finish() (*Request, error) {
	if c.url == "" {
		return nil, errors.New("the command line names no URL")
	}
	if c.head && c.hasData && !c.get {
		return nil, errors.New("curl does not send data with -I")
	}
	if !c.globOff && strings.ContainsAny(c.url, "{}[]") {
		return nil, errors.New("curl expands {} and [] in a URL: encode them, or add -g")
	}
	r := &c.request
	host := r.Host
	if err := r.setURL(c.url); err != nil {
		return nil, err
	}
	r.Host = cmp.Or(host, r.Host)
	if !c.pathAsIs {
		r.Target = withoutDots(r.Target)
	}
	separator := []byte("&")
	if c.json {
		separator = nil
	}
	data := bytes.Join(c.data, separator)
	r.Method = http.MethodGet
	switch {
	case c.get && c.hasData:
		r.withQuery(string(data))
	case c.hasData:
		r.Method = http.MethodPost
		c.setBody(data)
	}
	if c.head {
		r.Method = http.MethodHead
	}
	r.Method = cmp.Or(c.method, r.Method)
	if strings.ContainsFunc(r.Method, notInLine) {
		return nil, errNoMethod
	}
	for _, f := range c.options {
		if f.Value == "" { // as -A '' says that there be no such field
			c.removed = append(c.removed, strings.ToLower(f.Name))
		}
		if r.has(f.Name) || c.isRemoved(f.Name) { // which -H says
			continue
		}
		if err := r.AddField(f.Name + ": " + f.Value); err != nil {
			return nil, err
		}
	}
	c.addOwn("User-Agent", "curl")
	c.addOwn("Accept", "*/*")
	if c.compressed {
		c.addOwn("Accept-Encoding", "deflate, gzip")
	}
	return r, nil
}

func (c *curl) setBody(data []byte) {
	r := &c.request
	r.Body, r.HasBody = data, true
	media := "application/x-www-form-urlencoded"
	if c.json {
		media = "application/json"
		c.addOwn("Accept", media)
	}
	c.addOwn("Content-Type", media)
}

// addOwn adds a field that curl sends of its own, unless it was told otherwise.
func (c *curl) addOwn(name, value string) {
	if !c.request.has(name) && !c.isRemoved(name) {
		c.request.Fields = append(c.request.Fields, Field{name, value})
	}
}

func (c *curl) isRemoved(name string) bool { return slices.Contains(c.removed, strings.ToLower(name)) }
