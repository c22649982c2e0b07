package session

import (
	"context"
	"io"
	"strings"

	"trunkline/cli/files"
	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
)

// Copies of configurations and files, from and to files and URLs (cli.md §6, §7.1).

const copied = "Copy complete.\n"

var copyWords = schema.Words{
	"copy": "Copy a configuration or file", "copy running-config": "Current operating configuration",
	"copy startup-config": "Startup configuration", "clear ssh": "SSH",
}

// copyCommands are the commands that copy; there is a file system.
func (c *CLI) copyCommands() []grammar.Command {
	from, to := c.placeTypes(true)
	vrf := ""
	words := schema.Words{}
	if c.product.Transfer != nil {
		vrf = " [vrf {management|default}]"
	}
	for k, v := range copyWords {
		words[k] = v
	}
	for _, begin := range []string{"copy", "copy running-config", "copy startup-config"} {
		words[begin+" vrf"] = "VRF of the connection"
		for k, v := range vrfWords {
			words[begin+" vrf "+k] = v
		}
	}
	var all []grammar.Command
	add := func(template, help string, do func(ctx context.Context, r *request) error) {
		all = append(all, grammar.Command{
			Template: template, Help: help, Words: words, Types: map[string]schema.AnyType{"from": from, "to": to}, Tag: builtin{do: do},
		})
	}
	add("copy running-config <to>"+vrf, "Current operating configuration", copyConfig(files.Running))
	add("copy startup-config <to>"+vrf, "Startup configuration", copyConfig(files.Startup))
	add("copy <from> running-config"+vrf, "Merge into the running configuration", copyToRunning)
	add("copy <from> startup-config"+vrf, "Replace the startup configuration", copyToStartup)
	add("copy <from> <to>"+vrf, "Copy a configuration or file", copyFile)
	if c.product.Transfer != nil {
		add("clear ssh hosts", "Keys that are known of SSH servers", func(context.Context, *request) error { return c.product.Transfer.Forget() })
	}
	return all
}

// copied ends a copy.
func (r *request) copied() error {
	_, err := io.WriteString(r.out, copied)
	return err
}

// copyConfig copies a configuration, as it is shown, to a file or URL.
func copyConfig(name string) func(ctx context.Context, r *request) error {
	return func(ctx context.Context, r *request) error {
		to := r.placeOf("to")
		if err := r.local(to); err != nil {
			return err
		}
		if err := r.complete(ctx, "destination", &to); err != nil {
			return err
		}
		data, err := r.configText(name, r.line)
		if err != nil {
			return err
		}
		if err := r.store(ctx, to, name, data); err != nil {
			return err
		}
		return r.copied()
	}
}

// copyToRunning merges a file into the running configuration, line by line. What
// fails is reported and left out.
func copyToRunning(ctx context.Context, r *request) error {
	from := r.placeOf("from")
	if err := r.local(from); err != nil {
		return err
	}
	if err := r.complete(ctx, "source", &from); err != nil {
		return err
	}
	data, err := r.text(ctx, from, maxConfigFile)
	if err != nil {
		return err
	}
	if strings.IndexByte(string(data), 0) >= 0 {
		return feature.Error("ERROR: " + from.String() + " is not a text file.")
	}
	a := r.applier(r.replayed)
	if err := a.all(ctx, string(data)); err != nil {
		return err
	}
	if err := r.copied(); err != nil {
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
	from := r.placeOf("from")
	if err := r.local(from); err != nil {
		return err
	}
	if err := r.complete(ctx, "source", &from); err != nil {
		return err
	}
	data, err := r.text(ctx, from, maxConfigFile)
	if err != nil {
		return err
	}
	t, bad, err := r.parseWhole(from.String(), data)
	if err == nil {
		err = r.lineErrors(from.String(), bad)
	}
	if err != nil {
		return err
	}
	now := r.cli.product.Store.Running()
	if s, ok := r.cli.product.Store.Startup(); ok {
		now = s
	}
	if err := r.mayBecome(ctx, now.Tree, t); err != nil {
		return err
	}
	if err := r.cli.product.Store.ReplaceStartup(ctx, t, r.meta(r.line)); err != nil {
		return err
	}
	return r.copied()
}

// copyFile copies between files and URLs.
func copyFile(ctx context.Context, r *request) error {
	from, to := r.placeOf("from"), r.placeOf("to")
	if err := r.local(from, to); err != nil {
		return err
	}
	if err := r.complete(ctx, "source", &from); err != nil {
		return err
	}
	if err := r.complete(ctx, "destination", &to); err != nil {
		return err
	}
	var err error
	switch {
	case from.file != "" && to.file != "":
		err = r.cli.product.Files.Copy(from.file, to.file)
	case to.file != "":
		err = r.download(ctx, from, to.file)
	case from.file != "":
		err = r.upload(ctx, from.file, to)
	default:
		err = r.relay(ctx, from, to)
	}
	if err != nil {
		return err
	}
	return r.copied()
}

// download makes what is at a URL a file.
func (r *request) download(ctx context.Context, from filePlace, to string) error {
	if name := from.url.Name(); name != "" {
		to = r.cli.product.Files.Target("url:"+name, to)
	}
	w, err := r.cli.product.Files.Writer(to, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := r.fetch(ctx, from, w); err != nil {
		return err
	}
	return w.Commit()
}

// upload sends a file to a URL.
func (r *request) upload(ctx context.Context, from string, to filePlace) error {
	if err := r.mayReadFile(); err != nil {
		return err
	}
	f, e, err := r.cli.product.Files.Open(from)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return r.send(ctx, to.url.With(e.Name), f, e.Size)
}

// relay copies from one URL to another, through a file that nobody sees.
func (r *request) relay(ctx context.Context, from, to filePlace) error {
	s, err := r.cli.product.Files.Spool()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := r.fetch(ctx, from, s); err != nil {
		return err
	}
	whole, size := s.Read()
	return r.send(ctx, to.url.With(from.url.Name()), whole, size)
}
