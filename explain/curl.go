package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Surroundings are what a command line refers to.
type Surroundings struct {
	// LookupEnv reads the environment.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads a file, or the input for "-", within bounds.
	ReadFile func(name string) ([]byte, error)
}

// curlOption is what one option of curl does to a request.
type curlOption struct {
	short string // "" for none
	long  []string
	// apply takes the option's value; nil for options without one, which flag
	// applies, where they mean anything for a request.
	apply func(c *curl, value string) error
	flag  func(c *curl)
}

// curlOptions are those that are understood. Every other one is refused by name: to
// ignore it could show another request than curl sends.
func curlOptions() []curlOption {
	data := func(read bool, clean func([]byte) []byte) func(*curl, string) error {
		return func(c *curl, value string) error { return c.addData(value, read, clean) }
	}
	field := func(name string) func(*curl, string) error {
		return func(c *curl, value string) error { c.set(name, value); return nil }
	}
	same := func(b []byte) []byte { return b }
	return []curlOption{
		{"X", []string{"request"}, func(c *curl, value string) error { c.method = value; return nil }, nil},
		{"H", []string{"header"}, (*curl).addHeader, nil},
		{"d", []string{"data", "data-ascii"}, data(true, withoutLines), nil},
		{"", []string{"data-raw"}, data(false, same), nil},
		{"", []string{"data-binary"}, data(true, same), nil},
		{"", []string{"data-urlencode"}, (*curl).addEncoded, nil},
		{"", []string{"json"}, (*curl).addJSON, nil},
		{"b", []string{"cookie"}, (*curl).setCookie, nil},
		{"u", []string{"user"}, (*curl).setUser, nil},
		{"", []string{"oauth2-bearer"}, func(c *curl, value string) error { c.set("Authorization", "Bearer "+value); return nil }, nil},
		{"A", []string{"user-agent"}, field("User-Agent"), nil},
		{"e", []string{"referer"}, field("Referer"), nil},
		{"", []string{"url"}, (*curl).setURL, nil},
		{"G", []string{"get"}, nil, func(c *curl) { c.get = true }},
		{"I", []string{"head"}, nil, func(c *curl) { c.head = true }},
		{"", []string{"compressed"}, nil, func(c *curl) { c.compressed = true }},
		{"", []string{"path-as-is"}, nil, func(c *curl) { c.pathAsIs = true }},
		{"g", []string{"globoff"}, nil, func(c *curl) { c.globOff = true }},
		// What says how curl reaches the server, or what it shows, is not the request.
		{"k", []string{"insecure"}, nil, nil},
		{"s", []string{"silent"}, nil, nil},
		{"S", []string{"show-error"}, nil, nil},
		{"i", []string{"include"}, nil, nil},
		{"v", []string{"verbose"}, nil, nil},
		{"f", []string{"fail"}, nil, nil},
		{"L", []string{"location"}, nil, nil},
		{"N", []string{"no-buffer"}, nil, nil},
		{"", []string{"http1.1"}, nil, nil},
		{"o", []string{"output"}, func(*curl, string) error { return nil }, nil},
		{"w", []string{"write-out"}, func(*curl, string) error { return nil }, nil},
		{"m", []string{"max-time"}, func(*curl, string) error { return nil }, nil},
		{"", []string{"connect-timeout"}, func(*curl, string) error { return nil }, nil},
	}
}

// curl is a command line on its way to a request.
type curl struct {
	around Surroundings

	method, url string
	request     Request  // its fields
	options     []Field  // that other options than -H stand for
	removed     []string // fields that curl shall not send, in lower case
	data        [][]byte
	hasData     bool
	get, head   bool
	compressed  bool
	pathAsIs    bool
	globOff     bool
	json        bool
}

// ParseCurl reads a command line of curl as a POSIX shell or bash does, $'…' and
// continued lines included, and returns the request that curl would send.
func ParseCurl(line string, around Surroundings) (*Request, error) {
	words, err := splitShell(line, around.LookupEnv)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 || words[0] != "curl" {
		return nil, errors.New("the command line does not begin with curl")
	}
	c := &curl{around: around}
	if err := c.parse(words[1:]); err != nil {
		return nil, err
	}
	return c.finish()
}

func (c *curl) parse(words []string) error {
	options := curlOptions()
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			for _, address := range words {
				if err := c.setURL(address); err != nil {
					return err
				}
			}
			return nil
		case strings.HasPrefix(word, "--"):
			i := slices.IndexFunc(options, func(o curlOption) bool { return slices.Contains(o.long, word[2:]) })
			if i < 0 {
				return unknownOption(word)
			}
			if err := c.apply(options[i], word, nil, &words); err != nil {
				return err
			}
		case len(word) > 1 && word[0] == '-':
			if err := c.parseShort(options, word[1:], &words); err != nil {
				return err
			}
		default:
			if err := c.setURL(word); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseShort reads options of one letter that stand together, of which the last
// one may have its value right behind it.
func (c *curl) parseShort(options []curlOption, letters string, words *[]string) error {
	for letters != "" {
		letter := letters[:1]
		letters = letters[1:]
		i := slices.IndexFunc(options, func(o curlOption) bool { return o.short == letter })
		if i < 0 {
			return unknownOption("-" + letter)
		}
		var value *string
		if options[i].apply != nil && letters != "" {
			attached := letters
			value, letters = &attached, ""
		}
		if err := c.apply(options[i], "-"+letter, value, words); err != nil {
			return err
		}
	}
	return nil
}

func unknownOption(word string) error {
	name, _, _ := strings.Cut(word, "=") // behind which a credential may stand
	return fmt.Errorf("curl's option %s is not understood here: leave it out, if the request is the same without it", name)
}

// apply applies an option, whose value is the next word where it is not attached.
func (c *curl) apply(o curlOption, name string, value *string, words *[]string) error {
	if o.apply == nil {
		if o.flag != nil {
			o.flag(c)
		}
		return nil
	}
	if value == nil {
		if len(*words) == 0 {
			return fmt.Errorf("curl's option %s wants a value", name)
		}
		value, *words = &(*words)[0], (*words)[1:]
	}
	return o.apply(c, *value)
}
