// Package config reads Postern's one YAML file, strictly: every fault of the
// file is found at once and told with its line and column.
//
// [Load] goes through three steps. The decoder fills the plain settings structs
// that the other packages declare, by their tags, and knows nothing of what
// they mean. Each package's own Check then says what is wrong with the values,
// and check.go what is wrong between the parts. Last, what the file only names
// (secrets, key files) is read and everything compiled. Faults of the later
// steps carry a path of keys, which this package alone turns into a position.
package config
