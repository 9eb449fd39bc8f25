package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

//go:embed testdata/e2e/differential.yaml
var differentialYAML string

// rawRequest is a request of which only the framing is made by us.
type rawRequest struct {
	method, target string
	fields         []string // whole lines
	body           string
}

func (r rawRequest) clone() rawRequest {
	r.fields = slices.Clone(r.fields)
	return r
}

// bytes writes the request, with ${token} replaced.
func (r rawRequest) bytes(token string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n", r.method, r.target)
	body, chunked := r.body, false
	for _, field := range r.fields {
		b.WriteString(field + "\r\n")
		chunked = chunked || strings.EqualFold(field, "Transfer-Encoding: chunked")
	}
	switch {
	case chunked:
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Customer-Id: bob\r\nX_Customer_Id: bob\r\n\r\n", len(body), body)
		if r.body == "" {
			body = "0\r\nX-Customer-Id: bob\r\n\r\n"
		}
	case body != "":
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return strings.ReplaceAll(b.String()+"\r\n"+body, "${token}", token)
}

// differential is a backend, and a Postern before it.
type differential struct {
	backend, postern string // addresses
	token            string // ann's
}

func newDifferential(t *testing.T, startBackend func(*testing.T) string) *differential {
	url := startBackend(t)
	b := start(t, differentialYAML, map[string]string{"DATA": url})
	return &differential{strings.TrimPrefix(url, "http://"), b.address, widgetToken(t, jwt.MapClaims{"sub": "ann"})}
}

// send makes a request on a connection of its own. The reading is nil where
// Postern or the backend refused the request, or the backend said nothing
// intelligible.
func (d *differential) send(t *testing.T, r rawRequest, address string) (answered string, _ *reading) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(connection, r.bytes(d.token)); err != nil {
		return "refused before it was read", nil
	}
	answers := bufio.NewReader(connection)
	response, err := http.ReadResponse(answers, nil)
	for err == nil && response.StatusCode < http.StatusOK {
		response, err = http.ReadResponse(answers, nil)
	}
	if err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Errorf("%q hangs", r)
		}
		return err.Error(), nil
	}
	defer response.Body.Close()
	if reason := response.Header.Get("Postern-Reason"); reason != "" {
		return reason, nil
	}
	if response.StatusCode != http.StatusOK {
		return response.Status, nil
	}
	seen := new(reading)
	if err := json.NewDecoder(response.Body).Decode(seen); err != nil {
		return "unintelligible: " + err.Error(), nil
	}
	return "allowed", seen
}

// misread says where a backend sees something else than what was checked: the
// customer ann, the route in X-Checked, and no credential but a verified one
// that is to be forwarded.
func (d *differential) misread(r rawRequest, seen *reading) (faults []string) {
	fault := func(format string, arguments ...any) { faults = append(faults, fmt.Sprintf(format, arguments...)) }
	for _, area := range seen.Areas {
		if area != nil && area != seen.Checked {
			fault("the backend serves %v, %q was checked", area, seen.Checked)
		}
	}
	if seen.Checked == "" || seen.Checked == "none" || seen.Checked == "admin" {
		fault("X-Checked: %q", seen.Checked)
	}
	if seen.Method != r.method {
		fault("the backend serves %s, %s was checked", seen.Method, r.method)
	}
	customers, identity := texts(seen.Customers[placeOf(seen.Checked)]), texts(seen.Identity)
	if seen.Checked == "public" {
		customers = nil // nothing was checked
		if len(identity) > 0 {
			fault("nobody is %q", identity)
		}
	} else if len(identity) == 0 {
		fault("the backend is told of nobody")
	}
	for _, customer := range append(customers, identity...) {
		if customer != "ann" {
			fault("the backend sees the customer %q", customer)
		}
	}
	for _, credential := range texts(seen.Credentials) {
		if seen.Checked != "forward" || strings.TrimPrefix(credential, "JWT ") != d.token {
			fault("the backend sees the credential %q", credential)
		}
	}
	return faults
}

// placeOf returns where a route compares the customer.
func placeOf(route string) string {
	if route == "json" || route == "form" {
		return "body"
	}
	return route
}

// texts returns what was found, with lists taken apart and everything else than
// a text as JSON.
func texts(values []any) (found []string) {
	for _, value := range values {
		switch value := value.(type) {
		case nil:
		case string:
			found = append(found, value)
		case []any:
			found = append(found, texts(value)...)
		default:
			text, _ := json.Marshal(value)
			found = append(found, string(text))
		}
	}
	return found
}

// isFooled reports whether a backend of its own believes what the attacks want.
func isFooled(seen *reading) bool {
	for _, customers := range seen.Customers {
		if slices.Contains(texts(customers), "bob") {
			return true
		}
	}
	return slices.Contains(texts(seen.Identity), "bob") || slices.Contains(seen.Areas, any("admin")) || seen.Checked != ""
}

// No backend sees another customer, route or credential than what Postern has
// checked, however much fools it where Postern does not stand before it.
func TestBackendsReadTheSame(t *testing.T) {
	rows := differentialRows()
	for name, startBackend := range backends {
		t.Run(name, func(t *testing.T) {
			d := newDifferential(t, startBackend)
			allowed, fooled := 0, 0
			for _, row := range rows {
				answered, seen := d.send(t, row.rawRequest, d.postern)
				if row.served && seen == nil {
					t.Errorf("%s: %s", row.name, answered)
				}
				if seen != nil {
					allowed++
					for _, fault := range d.misread(row.rawRequest, seen) {
						t.Errorf("%s: %s", row.name, fault)
					}
				}
				if _, seen := d.send(t, row.rawRequest, d.backend); seen != nil && isFooled(seen) {
					fooled++
				}
			}
			t.Logf("of %d requests %d are allowed; %d fool the backend alone", len(rows), allowed, fooled)
			if fooled < 100 {
				t.Errorf("only %d attacks are attacks", fooled)
			}
		})
	}
}
