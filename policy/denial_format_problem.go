package policy

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// problemDetails renders a denial as RFC 9457 has it. No configured format can
// stand for this one, which has token_expired only where that is the reason.
func problemDetails(d *Denial, requestID string) []byte {
	b := make([]byte, 0, 320)
	b = append(b, `{"type":"urn:postern:reason:`...)
	b = append(b, d.Reason.String()...)
	b = append(b, `","title":`...)
	b = appendQuoted(b, d.Reason.Title())
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(d.Reason.Status()), 10)
	b = append(b, `,"detail":`...)
	b = appendQuoted(b, d.Sentence())
	b = append(b, `,"reason":"`...)
	b = append(b, d.Reason.String()...)
	b = append(b, `","request_id":`...)
	b = appendQuoted(b, requestID)
	if d.Reason == TokenExpired {
		b = append(b, `,"token_expired":true`...)
	}
	return append(b, "}\n"...)
}

func appendQuoted(b []byte, s string) []byte {
	quoted, _ := jsontext.AppendQuote(b, s) // its error is invalid UTF-8, which it has replaced
	return quoted
}
