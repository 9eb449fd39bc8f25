package explain

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// splitShell splits a simple command into words, as a shell does. Variables are
// those of the environment; nothing is run, and no file name is expanded.
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
	var unset string
	config := &expand.Config{Env: expand.FuncEnviron(func(name string) string {
		value, ok := lookupEnv(name)
		if !ok && name != "IFS" {
			unset = name
		}
		return value
	})}
	words, err = expand.Fields(config, call.Args...)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the command line cannot be read: %w", err)
	case unset != "":
		return nil, fmt.Errorf("the command line names $%s, which is not set", unset)
	}
	return words, nil
}

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
