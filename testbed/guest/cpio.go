package guest

import (
	"bytes"
	"fmt"
)

// archive is a cpio archive as the kernel unpacks it into its first file system
// (newc; Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	b     bytes.Buffer
	files int
}

// Types of files (inode(7)).
const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

// add adds a file, owned by root. The content of a link is where it leads.
func (a *archive) add(name string, mode uint32, content []byte) {
	a.files++
	links := 1
	// Inode, mode, owner, group, links, time, size, device twice two numbers,
	// length of the name with its zero, checksum.
	fmt.Fprintf(&a.b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.files, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
	a.b.WriteString(name)
	a.b.WriteByte(0)
	a.pad()
	a.b.Write(content)
	a.pad()
}

func (a *archive) pad() {
	for a.b.Len()%4 != 0 {
		a.b.WriteByte(0)
	}
}

// bytes ends the archive and returns it.
func (a *archive) bytes() []byte {
	a.add("TRAILER!!!", 0, nil)
	return a.b.Bytes()
}
