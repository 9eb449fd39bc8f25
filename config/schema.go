package config

import _ "embed"

// schema is made from the settings by the test of this file, with -update.
//
//go:embed schema.json
var schema string

// Schema returns the JSON Schema (draft 7) of a configuration file: its keys, the
// kinds of their values and their defaults, for editors. What Load checks beyond
// the kind of each value by itself is not in it.
func Schema() string { return schema }
