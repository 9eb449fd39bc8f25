package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"postern/config"
)

// The example is the reference: a key that it does not show is one that nobody
// finds.
func TestExampleShowsEveryKey(t *testing.T) {
	example, err := os.ReadFile("../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collectKeys(reflect.TypeFor[config.Config](), keys)
	collectKeys(reflect.TypeFor[config.Authenticator](), keys)
	for key := range keys {
		if !regexp.MustCompile(`(?m)(^|[\s{,#])` + key + `:`).Match(example) {
			t.Errorf("%s is not in the example", key)
		}
		if !strings.Contains(config.Schema(), `"`+key+`": {`) {
			t.Errorf("%s is not in the schema", key)
		}
	}
}

// collectKeys adds the keys of a settings type that are built.
func collectKeys(t reflect.Type, keys map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collectKeys(t.Elem(), keys)
		return
	case reflect.Struct:
	default:
		return
	}
	for field := range t.Fields() {
		tag := field.Tag.Get("yaml")
		if !field.IsExported() || tag == "-" {
			continue
		}
		if regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(tag) {
			if keys[tag] {
				continue
			}
			keys[tag] = true
		}
		collectKeys(field.Type, keys)
	}
}
