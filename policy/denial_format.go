package policy

import (
	"html"
	"mime"
	"regexp"
	"strconv"
	"strings"
)

// DenialFormat is how denials look to clients that expect the errors of a
// backend. It is immutable and safe for concurrent use; nil is the format of
// problem details (RFC 9457).
type DenialFormat struct {
	contentType string
	parts       []denialPart
	escape      func(b []byte, s string) []byte
	status      map[Reason]int
	codes       map[Reason]string
}

// denialPart is literal text, or what a word stands for where that is set.
type denialPart struct {
	literal string
	value   func(f *DenialFormat, d *Denial, requestID string) string
}

// DefaultDenials names the format of every denial that no route gives another one.
const DefaultDenials = "default"

// placeholder is what looks like one of the words in braces. Any other brace
// is literal: a JSON object has a quote, a space or another brace after it.
var placeholder = regexp.MustCompile(`\{([A-Za-z_]+)\}`)

// NewDenialFormat compiles settings that have passed Check.
func NewDenialFormat(s *DenialSettings) *DenialFormat {
	f := &DenialFormat{
		contentType: s.ContentType,
		escape:      escapeFor(s.ContentType),
		status:      map[Reason]int{},
		codes:       map[Reason]string{},
	}
	rest := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(s.Body, -1) {
		f.parts = append(f.parts, denialPart{literal: s.Body[rest:at[0]]}, denialPart{value: denialWords[s.Body[at[2]:at[3]]]})
		rest = at[1]
	}
	f.parts = append(f.parts, denialPart{literal: s.Body[rest:]})
	for _, reason := range Reasons() {
		if status, set := s.Status[reason.String()]; set {
			f.status[reason] = status
		}
		if code, set := s.Codes[reason.String()]; set {
			f.codes[reason] = code
		}
	}
	return f
}

// ContentType returns the media type of the bodies.
func (f *DenialFormat) ContentType() string {
	if f == nil {
		return "application/problem+json"
	}
	return f.contentType
}

// Status returns the status that denials for a reason answer with.
func (f *DenialFormat) Status(reason Reason) int {
	if f != nil && f.status[reason] != 0 {
		return f.status[reason]
	}
	return reason.Status()
}

// Body renders a denial. Nothing private of it is shown.
func (f *DenialFormat) Body(d *Denial, requestID string) []byte {
	if f == nil {
		return problemDetails(d, requestID)
	}
	b := make([]byte, 0, 320)
	for _, p := range f.parts {
		if p.value == nil {
			b = append(b, p.literal...)
		} else {
			b = f.escape(b, p.value(f, d, requestID))
		}
	}
	return b
}

// denialWords are what a body may name in braces, and what that stands for.
var denialWords = map[string]func(f *DenialFormat, d *Denial, requestID string) string{
	"reason":        func(_ *DenialFormat, d *Denial, _ string) string { return d.Reason.String() },
	"detail":        func(_ *DenialFormat, d *Denial, _ string) string { return d.Sentence() },
	"title":         func(_ *DenialFormat, d *Denial, _ string) string { return d.Reason.Title() },
	"status":        (*DenialFormat).statusText,
	"request_id":    func(_ *DenialFormat, _ *Denial, requestID string) string { return requestID },
	"token_expired": func(_ *DenialFormat, d *Denial, _ string) string { return strconv.FormatBool(d.Reason == TokenExpired) },
	"code":          (*DenialFormat).code,
}

func (f *DenialFormat) statusText(d *Denial, _ string) string {
	return strconv.Itoa(f.Status(d.Reason))
}

// code is the status where no code is configured.
func (f *DenialFormat) code(d *Denial, requestID string) string {
	if code, set := f.codes[d.Reason]; set {
		return code
	}
	return f.statusText(d, requestID)
}

// escapeFor returns how text stands in a body of the type: inside a string of
// JSON, or as character data. Other types have no escapes.
func escapeFor(contentType string) func([]byte, string) []byte {
	media := mediaType(contentType)
	switch {
	case isJSON(media):
		return func(b []byte, s string) []byte {
			quoted := appendQuoted(nil, s)
			return append(b, quoted[1:len(quoted)-1]...)
		}
	case media == "text/html" || strings.HasSuffix(media, "/xml") || strings.HasSuffix(media, "+xml"):
		return func(b []byte, s string) []byte { return append(b, html.EscapeString(s)...) }
	}
	return func(b []byte, s string) []byte { return append(b, s...) }
}

// mediaType returns the type without its parameters, "" where it is none.
func mediaType(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.Contains(media, "/") {
		return ""
	}
	return media
}

func isJSON(media string) bool {
	return strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}
