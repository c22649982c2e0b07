package sftpd

import (
	"io/fs"
	"time"

	"trunkline/internal/flash"
)

// info is an entry as the library describes it to clients.
type info struct {
	name  string
	entry flash.Entry
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.entry.Size }
func (i info) ModTime() time.Time { return i.entry.Changed }
func (i info) IsDir() bool        { return i.entry.Dir }
func (i info) Sys() any           { return nil }

// Mode is that of what only the supervisor's own process can reach.
func (i info) Mode() fs.FileMode {
	if i.entry.Dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
