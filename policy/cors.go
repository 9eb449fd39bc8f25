package policy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS says which pages of other origins a browser may let read answers, and
// what they may send (https://fetch.spec.whatwg.org/#http-cors-protocol). It
// is immutable and safe for concurrent use; nil leaves all that to the backend.
type CORS struct {
	origins     []string // nil for any
	methods     []string
	headers     []string // in lower case, as browsers send them
	credentials bool

	allowMethods, allowHeaders, maxAge string // of the answer to a preflight
}

// anyOrigin stands for every origin, in the configuration and in the answer.
const anyOrigin = "*"

// exposed are the headers that a page may read beyond those that it always
// may: those by which it can tell a refusal and what to do about it.
const exposed = "Postern-Reason, Retry-After, WWW-Authenticate"

// NewCORS compiles settings that have passed Check; nil gives nil.
func NewCORS(s *CORSSettings) *CORS {
	if s == nil {
		return nil
	}
	c := &CORS{
		origins:      s.Origins,
		methods:      s.Methods,
		credentials:  s.Credentials,
		allowMethods: strings.Join(s.Methods, ", "),
		allowHeaders: strings.Join(s.Headers, ", "),
		maxAge:       strconv.FormatInt(int64(s.MaxAge.Std().Seconds()), 10),
	}
	if slices.Contains(s.Origins, anyOrigin) {
		c.origins = nil
	}
	for _, name := range s.Headers {
		c.headers = append(c.headers, strings.ToLower(name))
	}
	return c
}

// RequestedMethod returns the method that a browser asks about in a preflight,
// "" where the request is none.
func RequestedMethod(method string, header http.Header) string {
	asked := header["Access-Control-Request-Method"]
	if method != http.MethodOptions || len(header["Origin"]) != 1 || len(asked) != 1 {
		return ""
	}
	return asked[0]
}

// CheckPreflight returns why a page may not send the request that a preflight
// announces, nil where it may.
func (c *CORS) CheckPreflight(header http.Header) error {
	if c == nil || !c.allows(header) {
		return Deny(OriginNotAllowed, "")
	}
	if !slices.Contains(c.methods, header.Get("Access-Control-Request-Method")) {
		return Deny(OriginNotAllowed, "pages of other origins may not use this method here")
	}
	for _, field := range header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(field, ",") {
			name = strings.ToLower(strings.Trim(name, " \t"))
			if name != "" && !slices.Contains(c.headers, name) {
				return Deny(OriginNotAllowed, "pages of other origins may not send one of these headers here")
			}
		}
	}
	return nil
}

// Preflight returns the header of the answer to a preflight. Where the page may
// not send the request it allows nothing, and the browser does not.
func (c *CORS) Preflight(request http.Header) http.Header {
	h := http.Header{"Vary": {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}}
	if c.CheckPreflight(request) != nil {
		return h
	}
	c.admit(h, request)
	h["Access-Control-Allow-Methods"] = []string{c.allowMethods}
	if c.allowHeaders != "" {
		h["Access-Control-Allow-Headers"] = []string{c.allowHeaders}
	}
	h["Access-Control-Max-Age"] = []string{c.maxAge}
	return h
}

// Apply sets in the header of an answer what the page that asked for it may
// read, in place of what the backend says. It keeps the names that the backend
// exposes, of which nobody else knows.
func (c *CORS) Apply(h, request http.Header) {
	if c == nil {
		return
	}
	expose := append([]string{exposed}, h["Access-Control-Expose-Headers"]...)
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	if c.origins != nil {
		// A cache may not give one page the answer to another, or to none.
		h["Vary"] = append(h["Vary"], "Origin")
	}
	if c.allows(request) {
		c.admit(h, request)
		h["Access-Control-Expose-Headers"] = expose
	}
}

// allows reports whether the request comes from a page of an allowed origin.
func (c *CORS) allows(request http.Header) bool {
	if c.origins == nil {
		return len(request["Origin"]) == 1
	}
	return IsFromPage(request, c.origins)
}

// IsFromPage reports whether a request comes from a page of one of the origins,
// byte by byte: a browser sends them in lower case.
func IsFromPage(request http.Header, origins []string) bool {
	origin := request["Origin"]
	return len(origin) == 1 && slices.Contains(origins, origin[0])
}

func (c *CORS) admit(h, request http.Header) {
	h["Access-Control-Allow-Origin"] = []string{anyOrigin}
	if c.origins != nil {
		h["Access-Control-Allow-Origin"] = request["Origin"]
	}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
}
