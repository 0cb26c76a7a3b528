package module04

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
	"docker-proven/internal/database"
	"docker-proven/internal/image"
)

// A file that a container writes is in that container's writable layer. No other container sees it, not even
// one of the same image.
func TestAFileWrittenInOneContainerIsAbsentFromTheNext(t *testing.T) {
	first := course.Run(t, image.Ubuntu)
	first.Exec(t, "echo 'remember me' > /notes.txt")
	first.Exec(t, "cat /notes.txt")

	next := course.Run(t, image.Ubuntu)
	result := next.ExecFails(t, "cat /notes.txt")
	assert.Contains(t, result.Stderr, "No such file or directory")
}

// A named volume is storage with a life of its own. The first container here is removed as it ends (--rm), and
// the second, which mounts the same volume, reads what the first wrote. Without the volume there is nothing.
func TestANamedVolumeOutlivesTheContainersThatUseIt(t *testing.T) {
	notes := course.NewVolume(t, "notes")
	first := course.Unique(t, "first-")
	course.Docker(t, "run", "--rm", "--name", first, "--volume", notes+":/data", course.Ref(t, image.Busybox),
		"sh", "-c", "echo 'remember me' > /data/notes.txt")
	course.DockerUntil(t, "^$", "ps", "--all", "--quiet", "--filter", "name="+first)
	result := course.Once(t, image.Busybox, course.Volume(notes, "/data"), course.Shell("cat /data/notes.txt"))
	assert.Equal(t, "remember me\n", result.Stdout)

	without := course.OnceFails(t, image.Busybox, course.Shell("cat /data/notes.txt"))
	assert.Contains(t, without.Stderr, "No such file or directory", "without the volume the file is not there")
}

// --volume packs source, target and options into one word; --mount spells them out. For a volume both ask the
// engine for the same thing, and `docker inspect` shows the same mount.
func TestMountAndVolumeGiveTheSameMount(t *testing.T) {
	notes := course.NewVolume(t, "notes")
	container := course.Run(t, image.Busybox,
		course.Volume(notes, "/short"), course.Mount("type=volume,source="+notes+",target=/long"))
	container.Exec(t, "echo 'written through --volume' > /short/notes.txt")
	assert.Equal(t, "written through --volume\n", container.Exec(t, "cat /long/notes.txt").Stdout)

	mount := func(target string) string {
		format := `{{range .Mounts}}{{if eq .Destination "` + target + `"}}{{.Type}} {{.Name}} writable={{.RW}}{{end}}{{end}}`
		return course.Docker(t, "inspect", "--format", format, container.Name).Stdout
	}
	assert.Equal(t, "volume "+notes+" writable=true\n", mount("/short"))
	assert.Equal(t, mount("/short"), mount("/long"))
}

// Two running containers may mount one volume at the same time. There is no copying: what one writes, the
// other reads at once.
func TestTwoContainersShareAVolumeLive(t *testing.T) {
	shared := course.NewVolume(t, "shared")
	left := course.Run(t, image.Busybox, course.Volume(shared, "/data"))
	right := course.Run(t, image.Busybox, course.Volume(shared, "/data"))
	apart := course.Run(t, image.Busybox)

	left.Exec(t, "echo ping > /data/ball")
	assert.Equal(t, "ping\n", right.Exec(t, "cat /data/ball").Stdout)
	right.Exec(t, "echo pong > /data/ball")
	assert.Equal(t, "pong\n", left.Exec(t, "cat /data/ball").Stdout)

	apart.ExecFails(t, "cat /data/ball")
}

// A container that mounts an empty volume has it filled with what the image has in that directory, unless the mount ends in
// :nocopy. A volume with anything in it stays as it is, so the image's files never replace what is there. Nor does Docker
// remember which volumes it has filled: emptied, one is filled again. A directory of the host is never filled.
func TestAnEmptyVolumeIsFilledFromTheImage(t *testing.T) {
	tag := course.Build(t, "greeter", "FROM "+course.Ref(t, image.Busybox)+`
RUN for name in data bare covered; do mkdir /$name && echo "from the image" > /$name/greeting; done
`)
	filled, bare := course.NewVolume(t, "filled"), course.NewVolume(t, "bare")
	first := course.RunBuilt(t, tag, course.Volume(filled, "/data"),
		course.Volume(bare, "/bare", "nocopy"), course.Volume(course.HostDirectory(t), "/covered"))
	assert.Equal(t, "from the image\n", first.Exec(t, "cat /data/greeting").Stdout)
	assert.Empty(t, first.Exec(t, "ls /bare").Stdout, "with :nocopy an empty volume should stay empty")
	assert.Empty(t, first.Exec(t, "ls /covered").Stdout, "a bind mount is never filled: the host's directory covers the image's")

	first.Exec(t, "echo 'changed since' > /data/greeting")
	second := course.RunBuilt(t, tag, course.Volume(filled, "/data"))
	assert.Equal(t, "changed since\n", second.Exec(t, "cat /data/greeting").Stdout, "the volume is filled only while empty")

	course.Say(t, "Emptied, the volume is filled again:")
	second.Exec(t, "rm /data/greeting")
	third := course.RunBuilt(t, tag, course.Volume(filled, "/data"))
	assert.Equal(t, "from the image\n", third.Exec(t, "cat /data/greeting").Stdout)
}

// :ro at the end of a mount makes it read-only for this container. Others may still write.
func TestAReadOnlyVolumeRefusesWrites(t *testing.T) {
	rules := course.NewVolume(t, "rules")
	writer := course.Run(t, image.Busybox, course.Volume(rules, "/rules"))
	writer.Exec(t, "echo 'be kind' > /rules/first")

	reader := course.Run(t, image.Busybox, course.Volume(rules, "/rules", "ro"))
	assert.Equal(t, "be kind\n", reader.Exec(t, "cat /rules/first").Stdout)
	result := reader.ExecFails(t, "echo 'be rude' > /rules/first")
	assert.Contains(t, result.Stderr, "Read-only file system")

	writer.Exec(t, "echo 'be kinder' > /rules/first")
	assert.Equal(t, "be kinder\n", reader.Exec(t, "cat /rules/first").Stdout)
}

// A mount without a source gets an anonymous volume, named by the engine. With --rm it goes together with its
// container, while named volumes always stay. After a plain `docker rm` the anonymous one is left, too: nobody's,
// under a name that nobody knows, until somebody cleans up.
func TestAnonymousVolumesGoWithRmAndNamedOnesStay(t *testing.T) {
	anonymous := func(container *course.Container) string {
		format := `{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}`
		return strings.TrimSpace(course.Docker(t, "inspect", "--format", format, container.Name).Stdout)
	}
	exists := func(volume string) bool {
		list := course.Docker(t, "volume", "ls", "--quiet", "--filter", "name="+volume)
		return strings.TrimSpace(list.Stdout) == volume
	}
	named := course.NewVolume(t, "named")

	passing := course.Run(t, image.Busybox, course.Rm(),
		course.Mount("type=volume,target=/anonymous"), course.Volume(named, "/named"))
	gone := anonymous(passing)
	require.True(t, exists(gone), "while the container is there, so is its anonymous volume")
	passing.Exec(t, "touch /named/used")
	passing.StopAndWaitUntilRemoved(t)
	course.Say(t, "--rm takes the anonymous volume along, though a moment later:")
	course.DockerUntil(t, "^$", "volume", "ls", "--quiet", "--filter", "name="+gone)
	assert.True(t, exists(named), "--rm leaves named volumes alone")

	staying := course.Run(t, image.Busybox, course.Mount("type=volume,target=/anonymous"))
	kept := anonymous(staying)
	course.Docker(t, "rm", "--force", staying.Name)
	assert.True(t, exists(kept), "docker rm alone leaves the anonymous volume behind")
	course.Docker(t, "volume", "rm", kept)
}

// A volume is a directory on the engine's host; `docker volume inspect` tells which. A privileged container, which
// Docker's walls don't stand around, and that enters the host's mount namespace can look at it from there. With Docker
// Desktop that host is a virtual machine, which is why the directory isn't found on the laptop. (Shown on a throwaway
// engine: a privileged container should not come near yours.)
func TestAVolumeIsADirectoryOnTheEnginesHost(t *testing.T) {
	engine := course.OneThrowawayEngine(t)
	busybox := engine.Ref(t, image.Busybox)
	engine.Docker(t, "volume", "create", "notes")
	mountpoint := strings.TrimSpace(engine.Docker(t, "volume", "inspect", "--format", "{{.Mountpoint}}", "notes").Stdout)
	onTheHost := mountpoint + "/notes.txt"

	course.Say(t, "A container writes a file, and can't find it where the host has it:")
	inside := engine.DockerFails(t, "run", "--rm", "--volume", "notes:/data", busybox,
		"sh", "-c", "echo 'found me' > /data/notes.txt; cat "+onTheHost)
	assert.Contains(t, inside.Stderr, "No such file or directory", "an ordinary container can't see the host's files")
	result := engine.Docker(t, "run", "--rm", "--privileged", "--pid", "host", busybox,
		"nsenter", "-t", "1", "-m", "cat", onTheHost)
	assert.Equal(t, "found me\n", result.Stdout)
}

// Docker has no command that saves a volume. A container does, which has the volume and a directory of the host: it packs
// the one into an archive in the other, and on the way back unpacks it. (A database that runs in the meantime has to be
// asked for a backup itself, as its files change while they are packed.)
func TestAVolumeIsSavedInAnArchiveAndFilledFromIt(t *testing.T) {
	notes, restored, backup := course.NewVolume(t, "notes"), course.NewVolume(t, "restored"), course.HostDirectory(t)
	busybox := course.Ref(t, image.Busybox)
	written := course.Docker(t, "run", "--rm", "--volume", notes+":/data", "--volume", restored+":/restored", busybox,
		"sh", "-c", "echo 'remember me' > /data/notes.txt; ls /restored")
	require.Empty(t, written.Stdout, "the other volume should be empty")
	course.Docker(t, "run", "--rm", "--volume", notes+":/data:ro", "--volume", backup+":/backup", busybox,
		"tar", "-c", "-f", "/backup/notes.tar", "-C", "/data", ".")
	course.Docker(t, "volume", "rm", notes)

	course.Docker(t, "run", "--rm", "--volume", restored+":/data", "--volume", backup+":/backup:ro", busybox,
		"tar", "-x", "-f", "/backup/notes.tar", "-C", "/data")
	read := course.Docker(t, "run", "--rm", "--volume", restored+":/data", busybox, "cat", "/data/notes.txt")
	assert.Equal(t, "remember me\n", read.Stdout)
}

// A bind mount puts a directory of the host into the container. It is one directory with two names: changes
// show on both sides at once.
func TestABindMountShowsChangesBothWays(t *testing.T) {
	directory := course.HostDirectory(t)
	container := course.Run(t, image.Busybox, course.Volume(directory, "/work"))

	course.WriteHostFile(t, filepath.Join(directory, "from-host"), "hello, container\n")
	assert.Equal(t, "hello, container\n", container.Exec(t, "cat /work/from-host").Stdout)

	container.Exec(t, "echo 'hello, host' > /work/from-container")
	assert.Equal(t, "hello, host\n", course.ReadHostFile(t, filepath.Join(directory, "from-container")))

	without := course.Run(t, image.Busybox)
	without.ExecFails(t, "cat /work/from-host")
}

// A bind mount can be read-only as well: the container may look at the host's files and not touch them. Here one container
// has the directory twice.
func TestAReadOnlyBindMountRefusesWrites(t *testing.T) {
	directory := course.Directory(t, map[string]string{"precious": "original\n"})
	container := course.Run(t, image.Busybox, course.Volume(directory, "/shown", "ro"), course.Volume(directory, "/work"))

	assert.Equal(t, "original\n", container.Exec(t, "cat /shown/precious").Stdout)
	result := container.ExecFails(t, "echo overwritten > /shown/precious")
	assert.Contains(t, result.Stderr, "Read-only file system")
	assert.Equal(t, "original\n", course.ReadHostFile(t, filepath.Join(directory, "precious")))

	container.Exec(t, "echo overwritten > /work/precious")
	assert.Equal(t, "overwritten\n", course.ReadHostFile(t, filepath.Join(directory, "precious")),
		"without :ro the same command gets through")
}

// When the host directory is missing, --volume creates it, which turns a typing mistake into an empty
// directory. --mount refuses instead and says what is missing: the safer habit.
func TestVolumeCreatesAMissingHostDirectoryWhileMountRefuses(t *testing.T) {
	directory := course.HostDirectory(t)
	created, refused := filepath.Join(directory, "created"), filepath.Join(directory, "refused")

	course.Once(t, image.Busybox, course.Volume(created, "/work"), course.Command("ls", "/work"))
	assert.DirExists(t, created)

	result := course.OnceFails(t, image.Busybox, course.Mount("type=bind,source="+refused+",target=/work"),
		course.Command("ls", "/work"))
	assert.Equal(t, 125, result.ExitCode, "125 is docker's own failure, before the container's command runs")
	assert.Contains(t, result.Stderr, "does not exist")
	assert.NoDirExists(t, refused)
}

// The kernel knows users by number. Files that a container writes into a bind mount belong to the user it runs as: root,
// unless --user says otherwise.
func TestUserDecidesWhoOwnsTheFiles(t *testing.T) {
	course.NeedsNativeFileOwners(t)
	directory := course.HostDirectory(t)
	require.NoError(t, os.Chmod(directory, 0o777))

	course.Once(t, image.Busybox, course.Volume(directory, "/work"), course.Command("touch", "/work/default"))
	owners := course.Once(t, image.Busybox, course.User("1234:1234"), course.Volume(directory, "/work"),
		course.Shell("touch /work/with-user && stat -c '%u %n' /work/default /work/with-user"))
	assert.Equal(t, "0 /work/default\n1234 /work/with-user\n", owners.Stdout)
}

// A tmpfs mount is a piece of memory. It is empty again after a stop, while the container's other files are
// still there.
func TestATmpfsMountIsGoneAfterAStop(t *testing.T) {
	container := course.Run(t, image.Busybox, course.Mount("type=tmpfs,target=/scratch"))
	container.Exec(t, "echo secret > /scratch/in-memory; echo plain > /on-disk")
	assert.Equal(t, "secret\n", container.Exec(t, "cat /scratch/in-memory").Stdout)

	container.Stop(t)
	container.Start(t)
	container.ExecFails(t, "cat /scratch/in-memory")
	assert.Equal(t, "plain\n", container.Exec(t, "cat /on-disk").Stdout, "the writable layer outlives a stop")
}

// What is written to a tmpfs mount never reaches the container's writable layer: `docker diff`, which lists
// that layer, shows the file beside it and not the one inside.
func TestATmpfsMountIsAbsentFromTheWritableLayer(t *testing.T) {
	container := course.Run(t, image.Busybox, course.Mount("type=tmpfs,target=/scratch"))
	container.Exec(t, "echo secret > /scratch/in-memory && echo plain > /on-disk")

	changes := course.Docker(t, "diff", container.Name).Stdout
	assert.Contains(t, changes, "A /on-disk\n")
	assert.NotContains(t, changes, "in-memory")
	assert.Contains(t, container.Exec(t, "mount").Stdout, "tmpfs on /scratch")
}

// What is in a tmpfs mount is memory that its container uses, and counts against --memory: 48 megabytes of it don't fit into
// 32, and the kernel kills the program that writes them. On disk they fit. (--memory-swap is memory and swap space together:
// with the same number there is no swap space to move to.)
func TestATmpfsMountCountsAgainstTheMemoryLimit(t *testing.T) {
	course.NeedsLimits(t, course.LimitMemory, course.LimitSwap)
	little := course.Options(course.Memory(32), course.MemorySwap(32), course.Mount("type=tmpfs,target=/scratch"))
	write := course.Shell("dd if=/dev/zero of=/file bs=1M count=48 && echo it fits on disk && " +
		"exec dd if=/dev/zero of=/scratch/file bs=1M count=48")

	killed := course.OnceFails(t, image.Busybox, little, write)
	assert.Equal(t, "it fits on disk\n", killed.Stdout)
	assert.Equal(t, 137, killed.ExitCode, "the kernel should have killed it")

	course.Say(t, "The same with more memory:")
	enough := course.Options(course.Memory(256), course.MemorySwap(256), course.Mount("type=tmpfs,target=/scratch"))
	course.Once(t, image.Busybox, enough, write)
}

// Memory is precious, so a tmpfs mount can be given a size. Writing beyond it fails like a full disk, and what
// is beside it has room as before.
func TestATmpfsMountIsBoundedByItsSize(t *testing.T) {
	result := course.OnceFails(t, image.Busybox,
		course.Mount("type=tmpfs,target=/large,tmpfs-size=4194304"), course.Mount("type=tmpfs,target=/small,tmpfs-size=1048576"),
		course.Shell("dd if=/dev/zero of=/large/file bs=1024 count=2048 && echo 2 megabytes fit into 4 && "+
			"{ dd if=/dev/zero of=/small/file bs=1024 count=2048 || { echo beside > /large/more && cat /large/more; exit 1; }; }"))
	assert.Equal(t, "2 megabytes fit into 4\nbeside\n", result.Stdout)
	assert.Contains(t, result.Stderr, "No space left on device")
}

// The lesson's reason for being: a database in a container keeps its rows when its data directory is a named volume.
// The container can be removed and replaced, and the rows are there. One that isn't given the volume starts empty.
func TestPostgresRowsOutliveTheContainerOnAVolume(t *testing.T) {
	pgdata := course.NewVolume(t, "pgdata")
	directory := course.DataDirectory(t, image.Postgres)
	password := course.Secret(t)
	const count = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'guests'"

	first := database.StartPostgres(t, image.Postgres, password, course.Volume(pgdata, directory))
	first.Query(t, "CREATE TABLE guests AS SELECT 'Ada' AS name")
	first.Remove(t)

	second := database.StartPostgres(t, image.Postgres, password, course.Volume(pgdata, directory))
	assert.Equal(t, [][]any{{"Ada"}}, second.Query(t, "SELECT name FROM guests"))

	without := database.StartPostgres(t, image.Postgres, password)
	assert.Equal(t, [][]any{{int64(0)}}, without.Query(t, count), "without the volume the table should not exist")
	assert.Equal(t, [][]any{{int64(1)}}, second.Query(t, count))
}
