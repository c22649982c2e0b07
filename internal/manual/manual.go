// Package manual writes the documents that follow from the product itself: the
// command reference from the grammar (docs/cli), manual pages and completion of
// the binaries from what they say of their flags (docs/man, docs/completion).
// Its test fails when what is committed is not what it writes; go generate
// writes it anew.
//
// It is a tool of the repository and in none of the binaries.
package manual

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:generate go run ./gen ../..

// Homes are the directories whose contents are written, and nothing else is in
// them.
var Homes = []string{"docs/cli", "docs/man", "docs/completion"}

// Files returns all documents by their path below root, the repository. The
// binaries are built for it.
func Files(ctx context.Context, root string) (map[string]string, error) {
	all := map[string]string{}
	pages, err := reference(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("command reference: %w", err)
	}
	programs, err := programs(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("programs: %w", err)
	}
	for name, text := range pages {
		all["docs/cli/"+name] = text
	}
	for _, p := range programs {
		all["docs/man/"+p.name+"."+p.section] = p.roff()
		all["docs/completion/"+p.name] = p.completion()
	}
	return all, nil
}

// Write makes the documents below root what Files returns.
func Write(root string, all map[string]string) error {
	for _, home := range Homes {
		if err := os.RemoveAll(filepath.Join(root, home)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(root, home), 0o755); err != nil {
			return err
		}
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Differences compares the documents below root with what Files returns, by
// path.
func Differences(root string, all map[string]string) ([]string, error) {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b, err := os.ReadFile(filepath.Join(root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			wrong = append(wrong, name+": missing")
		case err != nil:
			return nil, err
		case string(b) != all[name]:
			wrong = append(wrong, name+": "+firstDifference(string(b), all[name]))
		}
	}
	for _, home := range Homes {
		files, err := os.ReadDir(filepath.Join(root, home))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			if _, known := all[home+"/"+f.Name()]; !known {
				wrong = append(wrong, home+"/"+f.Name()+": not generated")
			}
		}
	}
	return wrong, nil
}

// firstDifference is the first line in which two texts differ.
func firstDifference(is, want string) string {
	a, b := strings.Split(is, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		line := func(all []string) string {
			if i < len(all) {
				return all[i]
			}
			return "(end)"
		}
		if line(a) != line(b) {
			return fmt.Sprintf("line %d is %q, want %q", i+1, line(a), line(b))
		}
	}
	return "same"
}
