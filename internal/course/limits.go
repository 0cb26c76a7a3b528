package course

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Memory is how much memory all processes of the container may use together (--memory).
func Memory(megabytes int) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--memory", fmt.Sprintf("%dm", megabytes))
		r.host = append(r.host, func(h *container.HostConfig) { h.Memory = int64(megabytes) << 20 })
	}
}

// MemorySwap is how much memory and swap space they may use together (--memory-swap). The same as Memory means:
// no swap space at all.
func MemorySwap(megabytes int) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--memory-swap", fmt.Sprintf("%dm", megabytes))
		r.host = append(r.host, func(h *container.HostConfig) { h.MemorySwap = int64(megabytes) << 20 })
	}
}

// CPUs is how much of the machine's processors the container may use: 0.25 is a quarter of one (--cpus).
func CPUs(processors float64) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--cpus", strconv.FormatFloat(processors, 'f', -1, 64))
		r.host = append(r.host, func(h *container.HostConfig) { h.NanoCPUs = int64(processors * 1e9) })
	}
}

// CPUSet is which of the machine's processors the container may use: "0", "0-3" (--cpuset-cpus).
func CPUSet(processors string) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--cpuset-cpus", processors)
		r.host = append(r.host, func(h *container.HostConfig) { h.CpusetCpus = processors })
	}
}

// PidsLimit is how many processes may exist in the container at once (--pids-limit).
func PidsLimit(processes int64) Option {
	return func(r *request) {
		r.flags = append(r.flags, "--pids-limit", strconv.FormatInt(processes, 10))
		r.host = append(r.host, func(h *container.HostConfig) { h.PidsLimit = &processes })
	}
}

// CgroupFile is where a container reads what the kernel keeps about its limits. The files have other names in
// cgroup v1, where each resource has a directory of its own, than in v2, where all are in one.
func CgroupFile(t *testing.T, inVersion1, inVersion2 string) string {
	t.Helper()
	lessonOf(t)
	if theEngine.CgroupVersion == "1" {
		return "/sys/fs/cgroup/" + inVersion1
	}
	return "/sys/fs/cgroup/" + inVersion2
}

// NeedsOverlay skips the test, saying why, where the engine doesn't keep its layers in an overlay filesystem.
func NeedsOverlay(t *testing.T) {
	t.Helper()
	lessonOf(t)
	if driver := theEngine.StorageDriver; !strings.HasPrefix(driver, "overlay") {
		t.Skipf("not provable here: this engine's storage driver, %s, lays layers together in another way", driver)
	}
}

// A Limit is something that an engine may be able to limit.
type Limit string

// What the lessons limit.
const (
	LimitMemory Limit = "memory"
	LimitSwap   Limit = "swap space"
	LimitCPU    Limit = "the use of processors"
	LimitPids   Limit = "the number of processes"
	LimitShares Limit = "the shares of processors"
	LimitCPUSet Limit = "which processors are used"
)

// NeedsLimits skips the test, saying why, where the engine reports that it can't set these limits: it runs without
// root, or its kernel lacks that part of cgroups.
func NeedsLimits(t *testing.T, limits ...Limit) {
	t.Helper()
	lessonOf(t)
	ctx, cancel := patiently(t)
	defer cancel()
	answer, err := docker.Info(ctx, client.InfoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	can := map[Limit]bool{LimitMemory: answer.Info.MemoryLimit, LimitSwap: answer.Info.SwapLimit,
		LimitCPU: answer.Info.CPUCfsQuota, LimitPids: answer.Info.PidsLimit,
		LimitShares: answer.Info.CPUShares, LimitCPUSet: answer.Info.CPUSet}
	for _, limit := range limits {
		if !can[limit] {
			t.Skipf("not provable here: this engine reports that it can't limit %s", limit)
		}
	}
}
