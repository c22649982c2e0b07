package manual

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"trunkline/cli/grammar"
	"trunkline/feature"
)

// maxExample is how many lines an example has at most; longer ones are left out
// rather than cut.
const maxExample = 24

// shown is a command of a transcript with all that it printed.
type shown struct {
	line, output string
	// own is of a transcript of the session alone, whose product has other
	// features: it shows no commands but the session's.
	own bool
}

var (
	// A transcript types one line and compares what it printed with a file.
	typed    = regexp.MustCompile(`^vsh '([^']*)'$`)
	compared = regexp.MustCompile(`^cmp stdout (\S+)$`)
	// A command that failed is no example.
	failed = regexp.MustCompile(`(?m)^(% |ERROR|Error|Syntax error)`)
	// A transcript of the session has prompts; that of exec mode has no brackets.
	prompt = regexp.MustCompile(`^[a-z][a-z0-9]*(\(\S+\))?# (.*)$`)
)

// transcripts are the lines with output in the transcripts of the features, which
// tests run.
func transcripts(root string) ([]shown, error) {
	texts, err := read(root, "feature/*/testdata/*.txtar")
	var all []shown
	for _, data := range texts {
		archive := txtar.Parse(data)
		lines := strings.Split(string(archive.Comment), "\n")
		for i := range len(lines) - 1 {
			vsh, cmp := typed.FindStringSubmatch(lines[i]), compared.FindStringSubmatch(lines[i+1])
			if vsh == nil || cmp == nil {
				continue
			}
			for _, file := range archive.Files {
				if file.Name == cmp[1] {
					all = append(all, shown{line: vsh[1], output: string(file.Data)})
				}
			}
		}
	}
	return all, err
}

// sessions are the lines with output in the transcripts of the session, which tests
// run.
func sessions(root string) ([]shown, error) {
	texts, err := read(root, "cli/session/testdata/*.txt")
	var all []shown
	for _, data := range texts {
		reading := false
		for line := range strings.SplitSeq(string(data), "\n") {
			m := prompt.FindStringSubmatch(line)
			switch {
			case m != nil:
				if reading = m[1] == ""; reading {
					all = append(all, shown{line: m[2], own: true})
				}
			case strings.HasPrefix(line, "//"):
				reading = false
			case reading:
				all[len(all)-1].output += line + "\n"
			}
		}
	}
	return all, err
}

// read returns the contents of the files that match a pattern, by name.
func read(root, pattern string) (texts [][]byte, err error) {
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		texts = append(texts, data)
	}
	return texts, nil
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
		if bad != nil || x.own && !illustrates(m.Command) || b.lines > maxExample || strings.TrimSpace(x.output) == "" || failed.MatchString(x.output) {
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

// illustrates reports whether transcripts of the session show the command as it is:
// what has no feature and prints no configuration.
func illustrates(c *grammar.Command) bool {
	return c.Feature == feature.OwnCommands && !strings.HasPrefix(c.Template, "show running-config") && !strings.HasPrefix(c.Template, "show startup-config") &&
		!strings.HasPrefix(c.Template, "show tech-support")
}
