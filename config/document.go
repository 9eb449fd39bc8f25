package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"postern/keys"
	"postern/policy"
)

const (
	// maxErrors bounds the memory for the faults of a file that is none.
	maxErrors = 1000

	nullTag      = "!!null"
	boolTag      = "!!bool"
	intTag       = "!!int"
	floatTag     = "!!float"
	timestampTag = "!!timestamp"
	mergeTag     = "!!merge"
)

// document is one parsed YAML file. Its size, depth and aliases are bounded, so
// that it can be walked without further checks.
type document struct {
	file string
	root *yaml.Node
	// parts are in place of the root where that would be large; nil otherwise.
	parts *parts
	errs  Errors
	// files remembers the included files that are read; nil for nobody.
	files *keys.Files
	// included are the files that settings of this one name.
	included []inclusion
	// secretless: an included list or ring of secrets that does not exist is left out.
	secretless bool
	// failed are the places whose value could not be decoded.
	failed []policy.Path
}

// parseDocument reads a file that holds exactly one YAML document, a mapping. It
// returns either a document or the faults that keep it from being one. Faults
// that still leave something to decode, such as a duplicate key, are kept for
// [document.decode], so that they hide no others.
func parseDocument(file string, data []byte) (*document, Errors) {
	d, errs := parseAny(file, data)
	if d == nil || d.root.Kind == yaml.MappingNode {
		return d, errs
	}
	d.failf(markOf(d.root), "the file wants a mapping at its top, got %s", kindOf(d.root))
	return nil, d.errs.Sorted()
}

// parseAny is [parseDocument] for a document of any kind but null.
func parseAny(file string, data []byte) (*document, Errors) {
	d := &document{file: file}
	if d.checkText(data) && d.parse(data) && d.checkStructure(len(data)) {
		return d, nil
	}
	return nil, d.errs.Sorted()
}

func (d *document) failf(at mark, format string, operands ...any) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, Error{d.file, at.line, at.column, fmt.Sprintf(format, operands...)})
	}
}

// checkText refuses what the YAML library refuses without a position, and all
// line breaks but \n and \r\n, so that everyone counts the same lines.
func (d *document) checkText(data []byte) bool {
	at := mark{1, 1}
	if len(data) > maxFileBytes {
		d.failf(at, "the file is larger than %d MiB", maxFileBytes>>20)
		return false
	}
	for len(data) > 0 {
		if c := data[0]; c >= ' ' && c <= '~' { // nearly always
			data = data[1:]
			at.column++
			continue
		}
		r, size := utf8.DecodeRune(data)
		data = data[size:]
		switch {
		case r == utf8.RuneError && size == 1:
			d.failf(at, "the file is not valid UTF-8")
			return false
		case r == '\uFEFF':
			d.failf(at, "a byte order mark is not allowed")
			return false
		case r == '\n':
			at = mark{at.line + 1, 1}
			continue
		case r == '\t', r == '\r' && bytes.HasPrefix(data, []byte("\n")):
		case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			d.failf(at, "the character %U is not allowed", r)
			return false
		}
		at.column++
	}
	return true
}

func (d *document) parse(data []byte) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		d.failf(mark{1, 1}, "the file is empty")
		return false
	case err != nil:
		d.failSyntax(data, err)
		return false
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		d.failf(markOf(&second), "a second document: the file must hold exactly one")
		return false
	case !errors.Is(err, io.EOF):
		d.failSyntax(data, err)
		return false
	}
	d.root = first.Content[0]
	if d.root.Tag == nullTag {
		// A bare document marker; the library places what follows it behind
		// the end of the file.
		d.failf(mark{1, 1}, "the file is empty")
		return false
	}
	return true
}

var (
	syntaxError   = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// failSyntax records an error of the YAML library, which gives at best a line.
func (d *document) failSyntax(data []byte, err error) {
	parts := syntaxError.FindStringSubmatch(err.Error())
	if anchor := unknownAnchor.FindStringSubmatch(parts[2]); anchor != nil {
		// The name is not shown: it may be a secret that lacks its quotes.
		d.failf(aliasMark(data, anchor[1]), "an alias repeats an anchor that is not set before it")
		return
	}
	line, err := strconv.Atoi(parts[1])
	switch {
	case blockError(parts[2]) && len(data) <= maxSearched:
		line = failingLine(data, parts[2])
	case err != nil:
		line = 1
	case parserError(parts[2]), blockError(parts[2]):
		line++
	}
	d.failf(mark{min(line, bytes.Count(data, []byte("\n"))+1), 1}, "%s", parts[2])
}

// parserError reports whether a message is of the YAML library's parser, which
// counts lines from 0, not of its scanner, which counts them from 1. Either
// leaves out the first line, and may stand behind the last.
func parserError(message string) bool {
	switch message {
	case "did not find expected node content", "did not find expected ',' or ']'", "did not find expected ',' or '}'",
		"did not find expected <document start>":
		return true
	}
	return false
}

// blockError reports whether a message is about a block mapping or list, where
// the YAML library gives the line on which that begins.
func blockError(message string) bool {
	return message == "did not find expected key" || message == "did not find expected '-' indicator"
}

// maxSearched bounds the file that failingLine parses again and again.
const maxSearched = 256 << 10

// failingLine returns the last line of the shortest beginning of the file that
// fails with the message. Each longer one does, since the library reads on from
// line to line; a shorter one is fine, or ends where something is still open.
func failingLine(data []byte, message string) int {
	var ends []int
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	return 1 + sort.Search(len(ends), func(i int) bool {
		err := syntaxFault(data[:ends[i]])
		return err != nil && strings.HasSuffix(err.Error(), message)
	})
}

func syntaxFault(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		switch err := decoder.Decode(&n); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// aliasMark returns where an alias is written first. An earlier one in a
// comment or a quoted string is taken for it, which misleads at worst.
func aliasMark(data []byte, name string) mark {
	end := 0
	if found := regexp.MustCompile(`\*` + regexp.QuoteMeta(name) + `(?:[^\w-]|$)`).FindIndex(data); found != nil {
		end = found[0]
	}
	before := data[:end]
	line := bytes.LastIndexByte(before, '\n') + 1
	return mark{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[line:]) + 1}
}

// resolve returns what an alias stands for, and any other node as it is.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// isValue reports whether a node is a scalar other than null.
func isValue(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag != nullTag
}

// entry is one key of a mapping with its value.
type entry struct {
	key            string
	keyNode, value *yaml.Node
}

// mark returns where the entry's value is said to stand (see
// [document.position]).
func (e entry) mark() mark {
	if v := resolve(e.value); v.Kind == yaml.ScalarNode && (v.Value != "" || v.Tag != nullTag) {
		return markOf(e.value)
	}
	return markOf(e.keyNode)
}

// entries yields the entries of a mapping, and nothing for another node. Keys
// that checkStructure has reported are left out.
func entries(n *yaml.Node) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if keyFault(key) == "" && !yield(entry{resolve(key).Value, key, value}) {
				return
			}
		}
	}
}

// maxKeyBytes is YAML's own limit for a key that stands before its colon.
const maxKeyBytes = 1024

// keyFault says what is wrong with a mapping's key, without showing it: it may
// be a secret that lacks its quotes.
func keyFault(key *yaml.Node) string {
	n := resolve(key)
	switch {
	case n.Kind != yaml.ScalarNode, n.Tag == nullTag:
		return "a key must be a string, got " + kindOf(n)
	case n.Tag == mergeTag:
		return "merge keys (<<) are not supported"
	case n.Value == "":
		return "a key must not be empty"
	case len(n.Value) > maxKeyBytes:
		return fmt.Sprintf("a key must not be longer than %d bytes", maxKeyBytes)
	case strings.ContainsFunc(n.Value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "a key must not hold control characters"
	}
	return ""
}
