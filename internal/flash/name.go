package flash

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Limits of names.
const (
	maxName = 255 // bytes of a full name
	maxPart = 100 // bytes of a file's or directory's own name
	maxDeep = 8   // parts of a path
)

// tempPrefix begins the names of files under construction. No operator can give
// such a name.
const tempPrefix = ".new-"

// Error is a message for an operator, without its prefix.
type Error string

func (e Error) Error() string { return "ERROR: " + string(e) }

// Is says which error of a file system the message is of, for doors that have
// codes for some: fs.ErrNotExist, fs.ErrExist or fs.ErrPermission.
func (e Error) Is(target error) bool {
	for kind, text := range kinds {
		if target == kind {
			return strings.HasPrefix(string(e), text)
		}
	}
	return false
}

// kinds are the messages of errors that have a code elsewhere.
var kinds = map[error]string{
	fs.ErrNotExist: "No such file or directory", fs.ErrExist: "File exists", fs.ErrPermission: "Permission denied",
}

// errFull is the answer to one file too many.
var errFull = Error(fmt.Sprintf("Maximum number of files (%d) reached.", maxEntries))

// Name is a parsed name.
type Name struct {
	System string // "bootflash:"
	Path   string // "dir/file", "" for the file system itself
}

// String is the full name: "bootflash:dir/file".
func (n Name) String() string { return n.System + n.Path }

// Parse reads a full name, "bootflash:dir/file"; "bootflash:/dir/file" and
// "bootflash:///dir/file" are the same.
func Parse(text string) (Name, error) { return Resolve(Name{}, text) }

// Resolve reads a name as typed in a directory: one without a file system is
// below it, and ".." goes up as far as the file system. A leading slash is the
// root of the directory's file system.
func Resolve(dir Name, text string) (Name, error) {
	bad := Error("Invalid file name: " + text)
	if len(text) > maxName {
		return Name{}, Error("File name exceeds 255 characters")
	}
	system, path, ok := strings.Cut(text, ":")
	n := Name{System: strings.ToLower(system) + ":"}
	switch {
	case !ok && dir.System == "":
		return Name{}, bad
	case !ok:
		n.System, path = dir.System, text
		if !strings.HasPrefix(text, "/") {
			path = dir.Path + "/" + text
		}
	case n.System != Boot && n.System != Volatile:
		return Name{}, Error("Invalid file system: " + system + ":")
	}
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			if len(parts) > 0 {
				parts = parts[:len(parts)-1]
			}
		case !valid(part):
			return Name{}, bad
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) > maxDeep {
		return Name{}, Error("Directory is too deep: " + text)
	}
	n.Path = strings.Join(parts, "/")
	if len(n.String()) > maxName {
		return Name{}, Error("File name exceeds 255 characters")
	}
	return n, nil
}

// valid reports whether a part of a path is letters, digits and signs that mean
// nothing to a command line.
func valid(part string) bool {
	if len(part) > maxPart || part[0] == '.' {
		return false
	}
	for _, c := range []byte(part) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("._-+=@,%#~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// explain makes an operator's message of what the operating system says of a
// name.
func explain(name string, err error) error {
	var said Error
	text := ""
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, fs.ErrNotExist):
		text = kinds[fs.ErrNotExist]
	case errors.Is(err, syscall.ENOTEMPTY):
		text = "Directory not empty"
	case errors.Is(err, fs.ErrExist):
		text = kinds[fs.ErrExist]
	case errors.Is(err, syscall.ENOTDIR):
		text = "Not a directory"
	case errors.Is(err, syscall.EISDIR):
		text = "Is a directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		text = "No space left on device"
	default:
		text = kinds[fs.ErrPermission]
	}
	return Error(text + ": " + name)
}
