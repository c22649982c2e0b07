package manual

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"trunkline/cli/grammar"
)

// maxExample is how many lines an example has at most; longer ones are left out
// rather than cut.
const maxExample = 24

// shown is a command of a transcript with all that it printed.
type shown struct{ line, output string }

var (
	// A transcript types one line and compares what it printed with a file.
	typed    = regexp.MustCompile(`^vsh '([^']*)'$`)
	compared = regexp.MustCompile(`^cmp stdout (\S+)$`)
)

// transcripts are the lines with output in the transcripts of the features, which
// tests run.
func transcripts(root string) ([]shown, error) {
	files, err := filepath.Glob(filepath.Join(root, "feature/*/testdata/*.txtar"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all []shown
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		archive := txtar.Parse(data)
		lines := strings.Split(string(archive.Comment), "\n")
		for i := range len(lines) - 1 {
			vsh, cmp := typed.FindStringSubmatch(lines[i]), compared.FindStringSubmatch(lines[i+1])
			if vsh == nil || cmp == nil {
				continue
			}
			for _, file := range archive.Files {
				if file.Name == cmp[1] {
					all = append(all, shown{vsh[1], string(file.Data)})
				}
			}
		}
	}
	return all, nil
}

// illustrate gives every command the example that says most: without filters
// before with, then the longest.
func illustrate(all []*entry, table *grammar.Table, examples []shown) {
	type best struct {
		shown
		bare  bool
		lines int
	}
	found := map[string]best{}
	for _, x := range examples {
		parts, _ := grammar.Chain(x.line, '|')
		m, bad := table.Match(strings.TrimSpace(parts[0]), grammar.Typed)
		b := best{x, len(parts) == 1, strings.Count(strings.Trim(x.output, "\n"), "\n") + 1}
		if bad != nil || b.lines > maxExample || strings.TrimSpace(x.output) == "" || strings.Contains(x.output, "<invalid") {
			continue
		}
		old, known := found[m.Command.Template]
		if !known || b.bare && !old.bare || b.bare == old.bare && b.lines > old.lines {
			found[m.Command.Template] = b
		}
	}
	for _, e := range all {
		if b, ok := found[e.syntax]; ok && !e.config {
			e.example = "switch# " + b.line + "\n" + strings.Trim(b.output, "\n") + "\n"
		}
	}
}
