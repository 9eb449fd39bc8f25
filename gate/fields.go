package gate

import (
	"net/http"
	"strings"

	"postern/policy"
)

// fieldClass says what Postern does with a header field of a client.
type fieldClass uint8

const (
	// identityField is set by Postern alone.
	identityField fieldClass = 1 << iota
	// credentialField carries a credential somewhere in the configuration.
	credentialField
	// readField is read by a rule or carrier, so that an alias of it could
	// show the backend another value than the one that was checked.
	readField
	// forwardingField is for proxies to set.
	forwardingField
	// framingField says what a body is and where it ends; under an alias it would
	// say so once more.
	framingField
	// hopField ends here: it speaks to Postern, or would change the method.
	hopField
)

// fieldTable maps canonical names to classes. It is immutable.
type fieldTable map[string]fieldClass

func newFieldTable(s Settings) fieldTable {
	t := fieldTable{
		"Authorization":          credentialField | readField,
		"Proxy-Authorization":    credentialField,
		"Forwarded":              forwardingField,
		"X-Real-Ip":              forwardingField,
		"X-Rewrite-Url":          forwardingField,
		"X-Request-Id":           forwardingField,
		"X-Http-Method-Override": hopField,
		"X-Http-Method":          hopField,
		"X-Method-Override":      hopField,
		"Connection":             hopField,
		"Expect":                 hopField,
		"Upgrade":                hopField,
	}
	for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Host", "Te", "Trailer", "Transfer-Encoding"} {
		t[name] |= framingField
	}
	for _, name := range s.IdentityHeaders {
		t[http.CanonicalHeaderKey(name)] |= identityField
	}
	for _, a := range s.Authenticators {
		for _, carrier := range a.Carriers() {
			switch {
			case carrier.Header != "":
				t[carrier.Header] |= credentialField | readField
			case carrier.Cookie != "":
				t["Cookie"] |= readField
			case carrier.Protocol != "":
				t["Sec-Websocket-Protocol"] |= readField
			}
		}
		for _, ref := range reads(a) {
			t.read(ref)
		}
	}
	for _, r := range s.Routes {
		for _, rule := range r.Rules {
			t.read(rule.Request)
		}
	}
	return t
}

// read notes that a part of the request is read.
func (t fieldTable) read(ref policy.Reference) {
	switch ref.Source {
	case policy.HeaderField:
		t[ref.Name] |= readField
	case policy.Cookie:
		t["Cookie"] |= readField
	}
}

// class returns the class of the field that a backend might take name for, and
// whether that is another name than the field's own.
func (t fieldTable) class(name string) (class fieldClass, alias bool) {
	canonical := policy.CanonicalAlias(name)
	class = t[canonical]
	if strings.HasPrefix(canonical, "X-Forwarded-") || strings.HasPrefix(canonical, "X-Original-") {
		class |= forwardingField
	}
	return class, canonical != name
}

// check refuses header fields that can be read in two ways.
func (t fieldTable) check(h http.Header) error {
	if len(h["Authorization"]) > 1 {
		return policy.Deny(policy.MalformedRequest, "Authorization is sent more than once")
	}
	for name := range h {
		if class, alias := t.class(name); alias && class&readField != 0 {
			return policy.Denyf(policy.MalformedRequest, "a header is another spelling of %s", policy.CanonicalAlias(name))
		}
	}
	return checkConnection(h["Connection"])
}

// connectionOptions may be named by Connection. Any other name would remove an
// end-to-end header on the way (RFC 9110, section 7.6.1), after it was checked.
var connectionOptions = map[string]bool{
	"": true, "close": true, "keep-alive": true, "upgrade": true, "te": true, "http2-settings": true, "proxy-connection": true,
}

func checkConnection(fields []string) error {
	for _, field := range fields {
		for option := range strings.SplitSeq(field, ",") {
			if !connectionOptions[strings.ToLower(strings.Trim(option, " \t"))] {
				return policy.Deny(policy.MalformedRequest, "Connection names a header that is not its to name")
			}
		}
	}
	return nil
}
