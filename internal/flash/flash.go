// Package flash is the file systems of a supervisor (cli.md §6): "bootflash:",
// which stays, and "volatile:", which is empty after each start.
//
// Each is a directory of the host, and nothing outside of it can be named or
// reached: names are checked, and every access goes through an os.Root, so that
// neither ".." nor a symbolic link leads out. Only regular files are opened.
//
// What is written is bounded by a quota per file system that all writers share.
// A file that is replaced is written beside its place and renamed into it, so
// that a reader, a crash or an error never sees half of it; files under
// construction have names that no operator can give, and are removed at the
// next start.
//
// A Store is safe for concurrent use. Its errors are messages for operators.
package flash

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The file systems.
const (
	Boot     = "bootflash:"
	Volatile = "volatile:"
)

// Systems returns the file systems in order.
func Systems() []string { return []string{Boot, Volatile} }

// DefaultQuota is how many bytes a file system takes unless Config says else.
const DefaultQuota = 1 << 30

// maxEntries is how many files and directories a file system takes.
const maxEntries = 4096

// Config says where file systems are.
type Config struct {
	// Dir holds one directory for each file system; it is made if needed.
	Dir string
	// Quota is the size of each file system in bytes, DefaultQuota for 0. The
	// disk it is on may be smaller.
	Quota int64
}

// Store is the file systems of one supervisor.
type Store struct {
	volumes map[string]*volume
}

// volume is one file system.
type volume struct {
	name  string // "bootflash:"
	root  *os.Root
	quota int64

	mu   sync.Mutex
	used int64 // bytes in files, of which some may be under construction
	temp int   // number of the last temporary file
}

// Open opens the file systems and empties the volatile one.
func Open(c Config) (s *Store, err error) {
	if c.Quota == 0 {
		c.Quota = DefaultQuota
	}
	s = &Store{volumes: map[string]*volume{}}
	opened := s
	defer func() {
		if err != nil {
			_ = opened.Close() // the first error says more
		}
	}()
	for _, name := range Systems() {
		dir := filepath.Join(c.Dir, strings.TrimSuffix(name, ":"))
		if name == Volatile {
			if err := os.RemoveAll(dir); err != nil {
				return nil, fmt.Errorf("empty %s: %w", name, err)
			}
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		v := &volume{name: name, root: root, quota: c.Quota}
		s.volumes[name] = v
		if err := v.clean(); err != nil {
			return nil, fmt.Errorf("clean %s: %w", name, err)
		}
	}
	return s, nil
}

// Close closes the file systems. Files that are open stay so.
func (s *Store) Close() error {
	var errs []error
	for _, v := range s.volumes {
		errs = append(errs, v.root.Close())
	}
	return errors.Join(errs...)
}

// at returns the volume of a full name and the path in it, "." for its root.
func (s *Store) at(name string) (*volume, string, error) {
	n, err := Parse(name)
	if err != nil {
		return nil, "", err
	}
	v := s.volumes[n.System]
	if v == nil {
		return nil, "", Error("Invalid file system: " + name)
	}
	return v, cmp.Or(n.Path, "."), nil
}

// clean removes files under construction.
func (v *volume) clean() error {
	var left []string
	err := fs.WalkDir(v.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), tempPrefix) {
			left = append(left, path)
		}
		return nil
	})
	for _, path := range left {
		err = errors.Join(err, v.root.Remove(path))
	}
	return err
}

// measure counts bytes and entries of the files there are.
func (v *volume) measure() (bytes int64, entries int) {
	_ = fs.WalkDir(v.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || path == ".":
			return nil // what cannot be read is not counted
		case entries >= maxEntries:
			return fs.SkipAll
		}
		entries++
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, entries
}

// Entry is a file or directory.
type Entry struct {
	Name    string // without its directory
	Size    int64  // bytes
	Changed time.Time
	Dir     bool
}

// List returns a file, or what a directory holds, by name.
func (s *Store) List(name string) ([]Entry, error) {
	v, path, err := s.at(name)
	if err != nil {
		return nil, err
	}
	info, err := v.root.Stat(path)
	if err != nil {
		return nil, explain(name, err)
	}
	if !info.IsDir() {
		return []Entry{entry(info)}, nil
	}
	found, err := fs.ReadDir(v.root.FS(), path)
	if err != nil {
		return nil, explain(name, err)
	}
	var all []Entry
	for _, d := range found[:min(len(found), maxEntries)] {
		if strings.HasPrefix(d.Name(), ".") {
			continue // nobody can name it
		}
		if info, err := d.Info(); err == nil { // else gone since
			all = append(all, entry(info))
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func entry(i fs.FileInfo) Entry {
	return Entry{Name: i.Name(), Size: i.Size(), Changed: i.ModTime(), Dir: i.IsDir()}
}

// Names returns the full names of all files and, with a trailing slash, of all
// directories, limit at most.
func (s *Store) Names(limit int) []string {
	var all []string
	for _, system := range Systems() {
		_ = fs.WalkDir(s.volumes[system].root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			switch {
			case len(all) >= limit:
				return fs.SkipAll
			case err != nil || path == ".":
			case strings.HasPrefix(d.Name(), "."):
			case d.IsDir():
				all = append(all, system+path+"/")
			default:
				all = append(all, system+path)
			}
			return nil
		})
	}
	return all
}

// Usage is the space of a file system, in bytes.
type Usage struct{ Used, Free, Total int64 }

// Usage measures the file system of a name.
func (s *Store) Usage(name string) (Usage, error) {
	v, _, err := s.at(name)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{}
	u.Used, _ = v.measure()
	u.Free = max(0, v.quota-u.Used)
	if d, err := v.root.Open("."); err == nil {
		var disk syscall.Statfs_t
		if syscall.Fstatfs(int(d.Fd()), &disk) == nil {
			u.Free = min(u.Free, int64(disk.Bavail)*disk.Bsize)
		}
		_ = d.Close() // opened for reading
	}
	u.Total = u.Used + u.Free
	return u, nil
}

// IsDir reports whether a name is that of a directory.
func (s *Store) IsDir(name string) bool {
	v, path, err := s.at(name)
	if err != nil {
		return false
	}
	info, err := v.root.Stat(path)
	return err == nil && info.IsDir()
}
