package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/keys"
)

func secretCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "secret",
		Short: "Make a shared secret, or put a new one beside an old one",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_ = command.Help()
			return errors.New("name a command: new or rotate")
		},
	}
	command.AddCommand(newSecretCommand(), rotateCommand())
	return command
}

// form is how a secret is made.
type form struct {
	bytes    int
	encoding string
}

const (
	minSecretBytes = 32
	maxSecretBytes = 1024

	defaultEncoding = "base64url"
)

func (f *form) flags(command *cobra.Command) {
	command.Flags().IntVar(&f.bytes, "bytes", minSecretBytes, "how many random bytes it is made of")
	command.Flags().StringVar(&f.encoding, "encoding", defaultEncoding, "how they are written: base64url, base64 or hex")
}

func (f *form) check() error {
	switch {
	case f.bytes < minSecretBytes || f.bytes > maxSecretBytes:
		return fmt.Errorf("--bytes wants %d to %d", minSecretBytes, maxSecretBytes)
	case f.encoding != "base64url" && f.encoding != "base64" && f.encoding != "hex":
		return fmt.Errorf("--encoding %q: use base64url, base64 or hex", f.encoding)
	}
	return nil
}

// text returns a new secret in an encoding, or where it is empty in the form's own.
func (f *form) text(encoding string) string {
	secret := make([]byte, f.bytes)
	_, _ = rand.Read(secret) // it never fails
	switch encoding {
	case "", "raw":
		return f.text(f.encoding)
	case "hex":
		return hex.EncodeToString(secret)
	case "base64":
		return base64.StdEncoding.EncodeToString(secret)
	}
	return base64.RawURLEncoding.EncodeToString(secret)
}

func newSecretCommand() *cobra.Command {
	var f form
	command := &cobra.Command{
		Use:   "new",
		Short: "Print a new random secret",
		Long: `Print a new random secret, which is kept nowhere. The text is the secret: whoever signs with it, or sends it as a
token, uses it as it is printed, and a configuration has it without an encoding of its own.`,
		Example: `  postern secret new
  postern secret new --bytes 64 --encoding hex   # for opaque_id, whose key has encoding: hex`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			_, err := fmt.Fprintln(command.OutOrStdout(), f.text(""))
			return failed(err)
		},
	}
	f.flags(command)
	return command
}

func rotateCommand() *cobra.Command {
	var (
		f         form
		file      string
		until     string
		overlap   time.Duration
		revokeNow bool
		r         config.Rotation
	)
	command := &cobra.Command{
		Use:   "rotate --file FILE",
		Short: "Put a new secret into a list, and let the old ones end",
		Long: `Put a new secret at the top of a file that tokens_file, secrets_file or (with --tenant) keyring_file names, and print
it once. The secrets that are in force end after the overlap, or earlier where they do so by themselves; a running
Postern takes the file over by itself. Attributes, and an encoding, are those of the secrets that it replaces.`,
		Example: `  postern secret rotate --file tokens.yaml
  postern secret rotate --file secrets.yaml --id 2027-01 --until 2027-01-31T00:00:00Z
  postern secret rotate --file tokens.yaml --replace mobile --revoke-now`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if err := f.check(); err != nil {
				return err
			}
			// An empty variable of a script would end nothing, and look as if it had.
			for _, name := range [...]string{"until", "tenant", "id"} {
				if flag := command.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
					return fmt.Errorf("--%s is empty: leave it out for its default", name)
				}
			}
			if command.Flags().Changed("replace") && (len(r.Replaces) == 0 || slices.Contains(r.Replaces, "")) {
				return errors.New("--replace names no secret: leave it out to replace all that are in force")
			}
			// In seconds, as the file has them; never later than now.
			r.Now = time.Now().UTC().Truncate(time.Second)
			if r.End, err = endOf(r.Now, overlap, until, revokeNow); err != nil {
				return err
			}
			r.Make = f.text
			done, err := rotate(file, &r)
			if err != nil {
				return err
			}
			report(command.ErrOrStderr(), file, done)
			if _, err := fmt.Fprintln(command.OutOrStdout(), done.Secret); err != nil {
				return failed(fmt.Errorf("%s was changed, but nobody was told the secret %q that is new in it: %w", file, done.ID, err))
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&file, "file", "", "the file with the list (required)")
	flags.StringVar(&r.Tenant, "tenant", "", "whose list of a key ring it is")
	flags.StringVar(&r.ID, "id", "", "the id of the new secret (default: today's date)")
	flags.StringSliceVar(&r.Replaces, "replace", nil, "the ids of the secrets that end (default: all that are in force)")
	flags.DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old ones are still accepted")
	flags.StringVar(&until, "until", "", "when the old ones end, such as 2027-01-31T00:00:00Z")
	flags.BoolVar(&revokeNow, "revoke-now", false, "end the old ones at once")
	f.flags(command)
	_ = command.MarkFlagRequired("file")
	command.MarkFlagsMutuallyExclusive("overlap", "until", "revoke-now")
	return command
}

// lastYear is the last that RFC 3339 can write.
const lastYear = 9999

// endOf returns when the old secrets end.
func endOf(now time.Time, overlap time.Duration, until string, revokeNow bool) (end time.Time, err error) {
	switch {
	case revokeNow:
		return now, nil
	case until != "":
		if end, err = time.Parse(time.RFC3339, until); err != nil || !end.After(now) {
			return end, errors.New("--until wants a time to come, such as 2027-01-31T00:00:00Z")
		}
		end = end.UTC().Truncate(time.Second)
		if end.Year() > lastYear {
			return end, fmt.Errorf("--until wants a time before the end of %d in UTC", lastYear)
		}
		return end, nil
	case overlap < time.Second:
		return end, errors.New("--overlap wants 1s or more; --revoke-now ends them at once")
	}
	return now.Add(overlap).Truncate(time.Second), nil
}

// maxListBytes is more than any list or key ring that a configuration can name.
const maxListBytes = 16 << 20

func rotate(file string, r *config.Rotation) (done *config.Rotated, err error) {
	var refused error
	err = keys.ReplaceFile(file, maxListBytes, func(content []byte) (changed []byte, _ error) {
		changed, done, refused = r.Apply(file, content)
		return changed, refused
	})
	if refused != nil {
		return nil, refused
	}
	return done, failed(err)
}

// report says what was done, but for the secret.
func report(out io.Writer, file string, done *config.Rotated) {
	fmt.Fprintf(out, "%s: %q is new\n", file, done.ID)
	for _, ended := range done.Ended {
		fmt.Fprintf(out, "%s: %q ends %s\n", file, ended.ID, ended.NotAfter.Format(time.RFC3339))
	}
	for _, id := range done.Waiting {
		fmt.Fprintf(out, "%s: %q is not in force yet, and stays\n", file, id)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 {
		fmt.Fprintf(out, "warning: every user of the machine can read %s or write to it\n", file)
	}
}
