package session

import (
	"context"
	"fmt"
	"io"
	"strings"

	"trunkline/cli/archive"
	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Commands that pack and unpack files, and show the end of one (cli.md §6).

// fileNamesType is several names of files, to the end of the line.
var fileNamesType = schema.Type[string]{
	Name:   "files",
	Syntax: schema.Syntax{Notation: "LINE", Help: "Names of files and directories", Rest: true, Samples: []string{"bootflash:a b"}},
	Parse: func(s string) (string, error) {
		names := strings.Fields(s)
		if len(names) == 0 {
			return "", schema.ErrInvalid
		}
		for _, n := range names {
			if _, err := fileType.Parse(n); err != nil {
				return "", err
			}
		}
		return strings.Join(names, " "), nil
	},
	Format: func(s string) string { return s },
}

var archiveWords = schema.Words{
	"tar": "Archives of files", "tar create": "Create an archive", "tar append": "Add files to an archive",
	"tar extract": "Extract an archive", "tar list": "List what is in an archive",
	"tar create gz-compress": "Compress with gzip, the default", "tar create uncompressed": "Do not compress", "tar create verbose": "Show the names of files",
	"tar append verbose": "Show the names of files", "tar extract verbose": "Show the names of files",
	"tar extract keep-old": "Do not replace files", "tar extract to": "Extract into a directory",
}

// tailType is how many lines tail shows.
var tailType = schema.Uint("lines", "Number of lines", 1, 1000)

// defaultTail is how many it shows without being told.
const defaultTail = 10

// archiveCommands are the commands; there is a file system.
func (c *CLI) archiveCommands() []grammar.Command {
	var all []grammar.Command
	add := func(template, help string, b builtin) {
		all = append(all, grammar.Command{Template: template, Help: help, Words: archiveWords, Tag: b, Types: map[string]schema.AnyType{
			"file": fileType, "directory": fileType, "files": fileNamesType, "lines": tailType,
		}})
	}
	add("tail <file> [<lines>]", "Show the end of a file", builtin{do: tail, show: true})
	add("gzip <file>", "Compress a file", builtin{do: func(ctx context.Context, r *request) error {
		return archive.Gzip(ctx, r.cli.product.Files, r.fileOf("file"))
	}})
	add("gunzip <file>", "Uncompress a file", builtin{do: func(ctx context.Context, r *request) error {
		return archive.Gunzip(ctx, r.cli.product.Files, r.fileOf("file"))
	}})
	add("tar create <file> [gz-compress|uncompressed] [verbose] <files>", "Create an archive", builtin{do: tarCreate})
	add("tar append <file> [verbose] <files>", "Add files to an archive", builtin{do: func(ctx context.Context, r *request) error {
		return r.tar().Append(ctx, r.fileOf("file"), r.filesOf("files"))
	}})
	add("tar extract <file> [keep-old] [to <directory>] [verbose]", "Extract an archive", builtin{do: func(ctx context.Context, r *request) error {
		dir := r.directory().String()
		if _, given := r.match.Values["directory"]; given {
			dir = r.fileOf("directory")
		}
		return r.tar().Extract(ctx, r.fileOf("file"), dir, r.args().Has("keep-old"))
	}})
	add("tar list <file>", "List what is in an archive", builtin{show: true, do: func(ctx context.Context, r *request) error {
		if err := r.mayReadFile(); err != nil { // what is in it may have been kept from others
			return err
		}
		return archive.Tar{Store: r.cli.product.Files, Told: r.tell}.List(ctx, r.fileOf("file"))
	}})
	return all
}

// filesOf are the full names of the files that a placeholder holds.
func (r *request) filesOf(placeholder string) []string {
	text, _ := feature.Value[string](r.args(), placeholder)
	all := strings.Fields(text)
	for i, name := range all {
		all[i] = r.file(name)
	}
	return all
}

func (r *request) tell(name string) error {
	_, err := fmt.Fprintln(r.out, name)
	return err
}

// tar is the archives, whose files are named as they are packed and unpacked if
// the line asks for it.
func (r *request) tar() archive.Tar {
	t := archive.Tar{Store: r.cli.product.Files}
	if r.args().Has("verbose") {
		t.Told = r.tell
	}
	return t
}

// tarCreate creates an archive; its name gets the suffix that says how it is
// packed, unless it has it.
func tarCreate(ctx context.Context, r *request) error {
	name, suffix, packed := r.fileOf("file"), archive.TarSuffix+archive.GzipSuffix, true
	if r.args().Has("uncompressed") {
		suffix, packed = archive.TarSuffix, false
	}
	if !strings.HasSuffix(name, suffix) {
		name += suffix
	}
	return r.tar().Create(ctx, name, packed, r.filesOf("files"))
}

// maxTail is how much of a file tail looks at, in bytes from its end.
const maxTail = 1 << 20

// tail shows the last lines of a file, as far as maxTail holds them.
func tail(_ context.Context, r *request) error {
	if err := r.mayReadFile(); err != nil {
		return err
	}
	name := r.fileOf("file")
	f, e, err := r.cli.product.Files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.NewSectionReader(f, max(0, e.Size-maxTail), maxTail))
	if err != nil {
		return flash.Error("File cannot be read: " + name)
	}
	lines := strings.SplitAfter(string(b), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	n, given := feature.Value[uint32](r.args(), "lines")
	if !given {
		n = defaultTail
	}
	_, err = io.WriteString(r.out, strings.Join(lines[max(0, len(lines)-int(n)):], ""))
	return err
}
