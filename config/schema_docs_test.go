package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// docs are the comments of the settings types and their fields, by the type's name
// with its package, and by that, a dot and the field's name.
type docs map[string]string

// readDocs reads the comments of the rooms.
func readDocs(t *testing.T) docs {
	t.Helper()
	d := docs{}
	for _, room := range []string{"authn", "config", "keys", "policy", "proxy"} {
		files, err := filepath.Glob("../" + room + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", room, len(files), err)
		}
		for _, name := range files {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, declaration := range file.Decls {
				if g, ok := declaration.(*ast.GenDecl); ok && g.Tok == token.TYPE {
					d.add(file.Name.Name, g)
				}
			}
		}
	}
	return d
}

func (d docs) add(room string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		named := spec.(*ast.TypeSpec)
		name := room + "." + named.Name.Name
		d[name] = g.Doc.Text()
		if s, ok := named.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, field := range f.Names {
					d[name+"."+field.Name] = f.Doc.Text()
				}
			}
		}
	}
}

// ofField returns what is said of a field in the words of a configuration.
func (d docs) ofField(t reflect.Type, index []int) string {
	if len(index) > 1 { // of a struct whose keys stand among those of t
		t = t.FieldByIndex(index[:len(index)-1]).Type
	}
	return inKeys(d[t.String()+"."+t.Field(index[len(index)-1]).Name], t)
}

// ofType returns what is said of a type of settings in the words of a configuration.
func (d docs) ofType(t reflect.Type) string {
	instead := "This"
	if strings.HasSuffix(t.Name(), "Settings") {
		instead = "These settings"
	}
	return inKeys(strings.Replace(d[t.String()], t.Name(), instead, 1), t)
}

// inKeys names the fields of a struct by their keys, and writes a paragraph as a
// line.
func inKeys(text string, t reflect.Type) string {
	for field := range t.Fields() {
		if key, _ := fieldTag(field); key != "" {
			text = regexp.MustCompile(`\b`+field.Name+`\b`).ReplaceAllString(text, key)
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
