package explain

import (
	"encoding/json"
	"io"
	"strings"
)

// WriteJSON writes the report for machines.
func (r *Report) WriteJSON(w io.Writer) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return err
	}
	_, err := r.scrub.writeTo(w, b.String())
	return err
}

// scrub are the credentials of a request. Wherever else one of them stands in a
// report, as in a part of the request that a rule compares, it is hidden there, too.
type scrub []string

// minScrubbed is the least length of a credential that cannot be a word of its own.
const minScrubbed = 8

func (s *scrub) add(credential string) {
	if len(credential) >= minScrubbed {
		*s = append(*s, credential)
	}
}

func (s scrub) writeTo(w io.Writer, text string) (int, error) {
	for _, credential := range s {
		text = strings.ReplaceAll(text, credential, hidden(credential))
	}
	return io.WriteString(w, text)
}
