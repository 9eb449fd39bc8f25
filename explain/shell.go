package explain

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// splitShell splits a simple command into words, as bash does. Variables are those
// of the environment; nothing is run, and no file name is expanded.
func splitShell(line string, lookupEnv func(string) (string, bool)) (words []string, err error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line), "")
	if err != nil {
		return nil, fmt.Errorf("the command line cannot be read: %w", err)
	}
	if len(file.Stmts) != 1 {
		return nil, errors.New("the command line must be one command")
	}
	statement := file.Stmts[0]
	call, simple := statement.Cmd.(*syntax.CallExpr)
	if !simple || len(call.Assigns) > 0 || len(statement.Redirs) > 0 || statement.Background || statement.Negated {
		return nil, errors.New("the command line must be one command, without pipes, redirections and assignments")
	}
	syntax.Walk(call, func(n syntax.Node) bool {
		if !isPlainWord(n) {
			err = errors.New("the command line holds more than words and variables: write out what a shell would make of it")
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	words, err = expand.Fields(&expand.Config{Env: environment(lookupEnv), NoUnset: true}, call.Args...)
	if unset, ok := errors.AsType[expand.UnsetParameterError](err); ok {
		return nil, fmt.Errorf("the command line names $%s, which is not set", unset.Node.Param.Value)
	}
	return words, err
}

// isPlainWord reports whether a part of a command is a word, quoted or not, or a
// variable: nothing that runs a command, computes or assigns.
func isPlainWord(n syntax.Node) bool {
	switch n := n.(type) {
	case nil, *syntax.CallExpr, *syntax.Word, *syntax.Lit, *syntax.SglQuoted, *syntax.DblQuoted:
		return true
	case *syntax.ParamExp:
		return n.Param != nil && !n.Excl && !n.Length && !n.Width && n.Index == nil && n.Slice == nil && n.Repl == nil && n.Exp == nil && n.Names == 0
	}
	return false
}

// environment is the one of a shell.
type environment func(name string) (string, bool)

// Get implements expand.Environ.
func (e environment) Get(name string) expand.Variable {
	value, ok := e(name)
	if !ok {
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: value}
}

// Each implements expand.Environ: no part of a plain word names all variables.
func (environment) Each(func(string, expand.Variable) bool) {}

// withoutDots removes dot segments from the path of a target, as clients do (RFC
// 3986, section 5.2.4).
func withoutDots(target string) string {
	path, query, hasQuery := strings.Cut(target, "?")
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	target = "/" + strings.Join(kept, "/")
	if hasQuery {
		target += "?" + query
	}
	return target
}
