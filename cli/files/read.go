package files

import (
	"bytes"
	"io"
	"time"

	"trunkline/feature"
	"trunkline/internal/flash"
)

// Stat says what a path names. The size of a configuration is that of its text
// now.
func (v *View) Stat(path string) (flash.Entry, error) {
	name, err := Name(path)
	if err != nil {
		return flash.Entry{}, err
	}
	if virtual(name) {
		_, e, err := v.config(name)
		return e, err
	}
	if err := v.May("dir "+name, false); err != nil {
		return flash.Entry{}, err
	}
	return v.Store.Stat(name)
}

// List returns what is in a directory, by name.
func (v *View) List(path string) ([]flash.Entry, error) {
	name, err := Name(path)
	switch {
	case err != nil:
		return nil, err
	case !v.Store.IsDir(name):
		if _, err := v.Stat(path); err != nil {
			return nil, err
		}
		return nil, flash.Error("Not a directory: " + name)
	}
	if err := v.May("dir "+name, false); err != nil {
		return nil, err
	}
	return v.Store.List(name)
}

// IsDir reports whether a path is that of a directory.
func (v *View) IsDir(path string) bool {
	name, err := Name(path)
	return err == nil && !virtual(name) && v.Store.IsDir(name)
}

// Usage measures the file system of a path.
func (v *View) Usage(path string) (flash.Usage, error) {
	name, err := Name(path)
	if err != nil {
		return flash.Usage{}, err
	}
	if virtual(name) {
		name = flash.Boot
	}
	return v.Store.Usage(name)
}

// Open opens a file or configuration for reading.
func (v *View) Open(path string) (flash.File, flash.Entry, error) {
	name, err := Name(path)
	switch {
	case err != nil:
		return nil, flash.Entry{}, err
	case virtual(name):
		return v.config(name)
	}
	command := "copy " + name + " " + v.By + ":"
	f, e, err := v.open(command, name)
	v.Account(command, err)
	return f, e, err
}

func (v *View) open(command, name string) (flash.File, flash.Entry, error) {
	if err := v.May(command, true); err != nil {
		return nil, flash.Entry{}, err
	}
	if !v.Role.ReadsSecrets() {
		return nil, flash.Entry{}, feature.ErrPermission
	}
	return v.Store.Open(name)
}

func (v *View) config(name string) (flash.File, flash.Entry, error) {
	data, err := v.Config(name)
	if err != nil {
		return nil, flash.Entry{}, err
	}
	return text{bytes.NewReader(data)}, flash.Entry{Name: name, Size: int64(len(data)), Changed: time.Now()}, nil
}

// text is a file in memory.
type text struct{ *bytes.Reader }

var _ io.ReaderAt = text{}

// Close implements io.Closer.
func (text) Close() error { return nil }
