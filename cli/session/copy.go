package session

import (
	"context"
	"io"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Copies of configurations from and to files (cli.md §7.1).

const copied = "Copy complete.\n"

func copyRunningTo(_ context.Context, r *request) error {
	if err := r.writeRunning(r.fileOf("file")); err != nil {
		return err
	}
	_, err := io.WriteString(r.out, copied)
	return err
}

func copyStartupTo(_ context.Context, r *request) error {
	s, ok := r.cli.product.Store.Startup()
	if !ok {
		return errNoStartup
	}
	q := r.query()
	q.Changed = s.At
	var b strings.Builder
	if err := r.cli.print(&b, r.line, q, s.Tree, schema.PrintOptions{}); err != nil {
		return err
	}
	if err := r.cli.product.Files.Write(r.fileOf("file"), []byte(b.String())); err != nil {
		return err
	}
	_, err := io.WriteString(r.out, copied)
	return err
}

// copyToRunning merges a file into the running configuration, line by line. What
// fails is reported and left out.
func copyToRunning(ctx context.Context, r *request) error {
	data, err := r.cli.product.Files.Read(r.fileOf("file"), maxConfigFile)
	if err != nil {
		return err
	}
	if strings.IndexByte(string(data), 0) >= 0 {
		return feature.Error("ERROR: " + r.fileOf("file") + " is not a text file.")
	}
	a := r.applier(r.replayed)
	if err := a.all(ctx, string(data)); err != nil {
		return err
	}
	if _, err := io.WriteString(r.out, copied); err != nil {
		return err
	}
	if a.failures > 0 {
		return errSilent
	}
	return nil
}

// copyToStartup makes a file the startup configuration. Every line of it must be
// right.
func copyToStartup(ctx context.Context, r *request) error {
	t, err := r.wholeConfig(r.fileOf("file"))
	if err != nil {
		return err
	}
	from := r.cli.product.Store.Running()
	if s, ok := r.cli.product.Store.Startup(); ok {
		from = s
	}
	if err := r.mayBecome(ctx, from.Tree, t); err != nil {
		return err
	}
	if err := r.cli.product.Store.ReplaceStartup(ctx, t, r.meta(r.line)); err != nil {
		return err
	}
	_, err = io.WriteString(r.out, copied)
	return err
}
