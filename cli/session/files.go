package session

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// filesList is the list of files for completion; it is no list of the schema.
const filesList = "files"

// maxCompletions is how many file names Tab looks at.
const maxCompletions = 1000

// fileType is the name of a file or directory as typed; request.file makes the
// full name of it.
var fileType = schema.Type[string]{
	Name:   "file",
	Syntax: schema.Syntax{Notation: "WORD", Help: "File name: bootflash:F, volatile:F or F", Objects: filesList},
	Parse: func(s string) (string, error) {
		if _, err := flash.Resolve(flash.Name{System: flash.Boot}, s); err != nil {
			text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "ERROR: "), ":")
			return "", &schema.SyntaxError{Text: text}
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

var fileWords = schema.Words{
	"delete no-prompt": "Do not ask",
	"show file":        "Contents of a file", "show file cksum": "CRC of the file as cksum counts it",
	"show file md5sum": "MD5 of the file", "show file sha256sum": "SHA-256 of the file",
}

// fileCommands are the commands of the file systems (cli.md §6).
func (c *CLI) fileCommands() []grammar.Command {
	if c.product.Files == nil {
		return nil
	}
	var all []grammar.Command
	add := func(template, help string, show, own bool, do func(ctx context.Context, r *request) error) {
		all = append(all, grammar.Command{
			Template: template, Help: help, Words: fileWords, Tag: builtin{do: do, show: show, own: own},
			Types: map[string]schema.AnyType{"file": fileType, "from": fileType, "to": fileType},
		})
	}
	add("dir [<file>]", "List the contents of a file system or directory", true, false, dir)
	add("show file <file>", "Contents of a file", true, false, showFile)
	add("show file <file> {cksum|md5sum|sha256sum}", "Contents of a file", true, false, showDigest)
	add("pwd", "Print the current directory", true, false, func(_ context.Context, r *request) error {
		_, err := fmt.Fprintln(r.out, r.directory())
		return err
	})
	add("cd [<file>]", "Change the current directory", false, true, changeDir)
	add("mkdir <file>", "Make a directory", false, false, func(_ context.Context, r *request) error {
		return r.cli.product.Files.MakeDir(r.fileOf("file"))
	})
	add("rmdir <file>", "Remove an empty directory", false, false, func(_ context.Context, r *request) error {
		return r.cli.product.Files.RemoveDir(r.fileOf("file"))
	})
	add("delete [no-prompt] <file>", "Remove a file", false, false, deleteFile)
	add("move <from> <to>", "Rename a file or directory", false, false, func(_ context.Context, r *request) error {
		return r.cli.product.Files.Move(r.fileOf("from"), r.fileOf("to"))
	})
	return slices.Concat(all, c.copyCommands(), c.archiveCommands())
}

// directory is where names without a file system are.
func (s *Session) directory() flash.Name {
	if s.dir.System == "" {
		return flash.Name{System: flash.Boot}
	}
	return s.dir
}

// file returns the full name of a file as typed.
func (s *Session) file(text string) string {
	n, err := flash.Resolve(s.directory(), text)
	if err != nil {
		return text // too long with its directory: the file system says so
	}
	return n.String()
}

func dir(_ context.Context, r *request) error {
	name := r.fileOf("file")
	list, err := r.cli.product.Files.List(name)
	if err != nil {
		return err
	}
	for _, e := range list {
		slash := ""
		if e.Dir {
			slash = "/"
		}
		if _, err := fmt.Fprintf(r.out, "%11d    %s  %s%s\n", e.Size, r.cli.local(e.Changed).Format("Jan _2 15:04:05 2006"), e.Name, slash); err != nil {
			return err
		}
	}
	u, err := r.cli.product.Files.Usage(name)
	if err != nil {
		return err
	}
	system, _, _ := strings.Cut(name, ":")
	_, err = fmt.Fprintf(r.out, "\nUsage for %s://\n%11d bytes used\n%11d bytes free\n%11d bytes total\n", system, u.Used, u.Free, u.Total)
	return err
}

func showFile(_ context.Context, r *request) error { return r.readFile(r.out) }

// readFile writes what is in the file that the line names, for those who may
// read it.
func (r *request) readFile(to io.Writer) error {
	if err := r.mayReadFile(); err != nil {
		return err
	}
	f, err := r.cli.product.Files.Reader(r.fileOf("file"))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	_, err = io.Copy(to, f)
	return err
}

func changeDir(_ context.Context, r *request) error {
	text, given := r.match.Values["file"].(string)
	if !given {
		r.dir = flash.Name{}
		return nil
	}
	n, err := flash.Resolve(r.directory(), text)
	if err != nil {
		return err
	}
	if _, err := r.cli.product.Files.List(n.String()); err != nil {
		return err
	}
	if !r.cli.product.Files.IsDir(n.String()) {
		return feature.Error("ERROR: Not a directory: " + n.String())
	}
	r.dir = n
	return nil
}

func deleteFile(ctx context.Context, r *request) error {
	name := r.fileOf("file")
	if !r.args().Has("no-prompt") {
		if err := r.confirm(ctx, fmt.Sprintf("Do you want to delete %q (y/n)?  [n] ", name), false); err != nil {
			return err
		}
	}
	return r.cli.product.Files.Remove(name)
}

// fileNames are the names that Tab completes: full ones, and those in the
// current directory.
func (s *Session) fileNames() []string {
	if s.cli.product.Files == nil {
		return nil
	}
	all := append(flash.Systems(), s.cli.product.Files.Names(maxCompletions)...)
	here := s.directory().String()
	if !strings.HasSuffix(here, ":") {
		here += "/"
	}
	for _, name := range all {
		if below, ok := strings.CutPrefix(name, here); ok && below != "" {
			all = append(all, below)
		}
	}
	return all
}
