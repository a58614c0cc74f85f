//! A process to be searched: the test program, started again. It holds a secret in the way that it is told to, says where,
//! and lives until its input ends.
//!
//! The secret is made from a seed inside of the child, so that it lies nowhere else: not in the program, not on the way.

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, mprotect};

const ROLE: &str = "SCAS_TEST_CHILD";
const PAGE: usize = 4096;
const TERABYTE: usize = 1 << 40;

/// The 32 bytes that belong to a seed. The last is zero, the others are not.
pub fn secret(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    // SAFETY: there is room for 32 bytes.
    unsafe { write_secret(seed, bytes.as_mut_ptr()) };
    bytes
}

/// Writes it byte by byte, without a copy elsewhere.
///
/// # Safety
///
/// There is room for 32 bytes.
unsafe fn write_secret(seed: u64, to: *mut u8) {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for index in 0..32 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let byte = if index == 31 {
            0
        } else {
            (state >> 32) as u8 | 1
        };
        // SAFETY: there is room, the caller says.
        unsafe { to.add(index).write_volatile(byte) };
    }
}

/// Has this program, when it is started by `command`, play a part.
pub fn play(command: &mut Command, how: &str, seed: u64) {
    command
        .args(["--exact", "as_child", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{how} {seed}"));
}

/// A running child, ended on drop.
pub struct Child {
    process: std::process::Child,
    input: ChildStdin,
    output: Mutex<BufReader<ChildStdout>>,
    words: Vec<String>,
}

impl Child {
    pub fn start(how: &str, seed: u64) -> Self {
        Self::start_with(how, seed, |_| {})
    }

    pub fn start_with(how: &str, seed: u64, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        change(&mut command);
        Self::play(command, how, seed)
    }

    /// Starts a command that is this program.
    pub fn play(mut command: Command, how: &str, seed: u64) -> Self {
        play(&mut command, how, seed);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut child = Self {
            input: process.stdin.take().unwrap(),
            output: Mutex::new(BufReader::new(process.stdout.take().unwrap())),
            process,
            words: Vec::new(),
        };
        child.words = child.answer();
        child
    }

    fn answer(&self) -> Vec<String> {
        let mut output = self.output.lock().unwrap();
        loop {
            let mut line = String::new();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "the child ended early"
            );
            // The test harness writes its own lines, and does not always end them.
            if let Some((_, words)) = line.split_once("ready:") {
                return words.split_whitespace().map(str::to_owned).collect();
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn address(&self, index: usize) -> u64 {
        self.words[index].parse().unwrap()
    }

    pub fn said(&self, word: &str) -> bool {
        self.words.iter().any(|said| said == word)
    }

    pub fn ask(&self, what: &str) -> Vec<String> {
        writeln!(&self.input, "{what}").unwrap();
        self.answer()
    }

    pub fn ask_blocks(&self) -> u64 {
        self.ask("blocks")[0].parse().unwrap()
    }

    pub fn become_another(&self) {
        self.ask("exec");
    }

    /// Ends it, and waits until it has ended; it stays a zombie.
    pub fn kill(&mut self) {
        use nix::sys::wait::{Id, WaitPidFlag, waitid};
        self.process.kill().unwrap();
        let id = Id::Pid(nix::unistd::Pid::from_raw(self.pid().cast_signed()));
        waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    }

    pub fn reap(&mut self) {
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The child's side.
pub fn main() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let (how, seed) = role.split_once(' ').unwrap();
    let seed: u64 = seed.parse().unwrap();
    match how {
        "probe" => {
            return scas_exposure::probe::answer(std::io::stdin(), std::io::stdout()).unwrap();
        }
        "helper" => return scas_exposure::helper::helper_main().unwrap(),
        "hardened" => scas_exposure::hygiene::harden().unwrap(),
        _ => {}
    }
    let mut held = Held::default();
    let words = held.hold(how, seed);
    if how == "leaderless" {
        leave_threads(words.join(" "));
    }
    println!("ready: {}", words.join(" "));
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "blocks" => println!(
                "ready: {}",
                held.file.as_ref().unwrap().metadata().unwrap().blocks()
            ),
            "status" => {
                let status = std::fs::read_to_string("/proc/self/status").unwrap();
                let status = status.replace(":\t", ":").replace('\t', ",");
                println!("ready: {}", status.replace('\n', " "));
            }
            "dump" => {
                use nix::sys::resource::{Resource, getrlimit, setrlimit};
                let (_, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap();
                setrlimit(Resource::RLIMIT_CORE, hard, hard).unwrap();
                println!("ready:");
                std::process::abort();
            }
            "move" => println!("ready: {}", held.move_away()),
            "exec" => {
                let script = "echo ready:; read -r line";
                panic!("{}", Command::new("/bin/sh").args(["-c", script]).exec());
            }
            other => panic!("{other}"),
        }
    }
    // Whoever would read what the test harness has to say is gone.
    std::process::exit(0);
}

/// Ends the first thread; another waits until the input ends.
fn leave_threads(words: String) -> ! {
    std::thread::spawn(move || {
        let zombie = |status: String| status.contains("State:\tZ");
        while !zombie(std::fs::read_to_string("/proc/self/status").unwrap()) {
            std::thread::yield_now();
        }
        println!("ready: {words}");
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // The test runs in a thread of its own, so a signal's handler ends the first one.
    extern "C" fn end(_: libc::c_int) {
        // SAFETY: ends the calling thread only.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    // SAFETY: the handler calls nothing but a system call.
    unsafe {
        libc::signal(libc::SIGUSR1, end as *const () as libc::sighandler_t);
        let pid = libc::getpid();
        libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGUSR1);
    }
    loop {
        std::thread::park();
    }
}

/// What a child keeps until it ends.
#[derive(Default)]
struct Held {
    file: Option<std::fs::File>,
    others: Vec<Box<dyn std::any::Any>>,
    mapping: Option<(*mut u8, usize)>,
}

impl Held {
    #[expect(clippy::too_many_lines, reason = "a list of ways to hold something")]
    fn hold(&mut self, how: &str, seed: u64) -> Vec<String> {
        let all = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let private = MapFlags::MAP_PRIVATE;
        let mut addresses: Vec<u64> = Vec::new();
        match how {
            "idle" | "hardened" => {}
            "scanner" => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                play(&mut command, "helper", 0);
                let helper = scas_exposure::helper::HelperProcess::start_command(command, b"x");
                let helper = helper.unwrap();
                addresses.push(helper.pid().into());
                self.others.push(Box::new(helper));
            }
            "heap" => {
                let heap = Box::leak(vec![1_u8; 5000].into_boxed_slice());
                // SAFETY: the heap is larger.
                unsafe { write_secret(seed, heap[777..].as_mut_ptr()) };
                addresses.push(heap[777..].as_ptr() as u64);
            }
            "border" => {
                let map = map(2 * PAGE, all, private);
                let at = map.wrapping_add(PAGE - 15);
                // SAFETY: within the mapping.
                unsafe {
                    write_secret(seed, at);
                    protect(map.add(PAGE), PAGE, ProtFlags::PROT_READ);
                }
                addresses.push(at as u64);
            }
            "reservation" => {
                let map = map(TERABYTE, all, private | MapFlags::MAP_NORESERVE);
                let bytes = secret(seed);
                // At the end of one page and at the beginning of another. The last byte, which is zero, is not written.
                for offset in [TERABYTE / 2 - 31, TERABYTE / 4 * 3] {
                    // SAFETY: within the mapping.
                    unsafe {
                        libc::madvise(map.cast(), TERABYTE, libc::MADV_NOHUGEPAGE);
                        let at = map.add(offset);
                        for (index, byte) in bytes[..31].iter().enumerate() {
                            at.add(index).write_volatile(*byte);
                        }
                        addresses.push(at as u64);
                    }
                }
                wipe(bytes);
            }
            "shared" | "shared-closed" => {
                let file = memfd();
                file.set_len(TERABYTE as u64).unwrap();
                let mut bytes = vec![0; 32];
                // SAFETY: there is room.
                unsafe { write_secret(seed, bytes.as_mut_ptr()) };
                file.write_all_at(&bytes, TERABYTE as u64 / 2).unwrap();
                bytes.fill(0);
                std::hint::black_box(&bytes);
                let size = NonZeroUsize::new(TERABYTE).unwrap();
                // SAFETY: a new mapping.
                let map = unsafe { mmap(None, size, all, MapFlags::MAP_SHARED, &file, 0) }.unwrap();
                addresses.push(map.as_ptr() as u64 + TERABYTE as u64 / 2);
                addresses.push(file.metadata().unwrap().blocks());
                if how == "shared" {
                    self.file = Some(file);
                }
            }
            "protected" => {
                let map = map(PAGE, all, private);
                // SAFETY: within the mapping.
                unsafe {
                    write_secret(seed, map.add(99));
                    protect(map, PAGE, ProtFlags::PROT_NONE);
                }
                addresses.push(map as u64 + 99);
            }
            "nothing-there" => {
                let guarded = map(4 * PAGE, all, private);
                const MADV_GUARD_INSTALL: libc::c_int = 102;
                // SAFETY: within the mapping; an older kernel refuses.
                unsafe {
                    guarded.write(1);
                    libc::madvise(guarded.add(PAGE).cast(), PAGE, MADV_GUARD_INSTALL);
                }
                let file = tempfile::tempfile().unwrap();
                file.write_all_at(b"short", 0).unwrap();
                let size = NonZeroUsize::new(4 * PAGE).unwrap();
                // SAFETY: a new mapping, which nobody reads.
                unsafe { mmap(None, size, all, MapFlags::MAP_SHARED, &file, 0) }.unwrap();
                self.file = Some(file);
            }
            "unlinked" | "memfd" | "tmpfile" => {
                let file = match how {
                    "memfd" => memfd(),
                    "tmpfile" => std::fs::File::options()
                        .read(true)
                        .write(true)
                        .custom_flags(libc::O_TMPFILE)
                        .open(std::env::temp_dir())
                        .unwrap(),
                    _ => {
                        let (file, path) = tempfile::NamedTempFile::new().unwrap().into_parts();
                        path.close().unwrap();
                        file
                    }
                };
                let mut bytes = [0; 32];
                // SAFETY: there is room.
                unsafe { write_secret(seed, bytes.as_mut_ptr()) };
                file.write_all_at(&bytes, 3_000_000).unwrap();
                // SAFETY: wiped in its place, for the file only is to hold it.
                unsafe { std::ptr::write_volatile(&raw mut bytes, [0; 32]) };
                self.file = Some(file);
            }
            "open" => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("the-open-file");
                let file = std::fs::File::create_new(path).unwrap();
                let mut bytes = [0; 32];
                // SAFETY: there is room.
                unsafe { write_secret(seed, bytes.as_mut_ptr()) };
                file.write_all_at(&bytes, 0).unwrap();
                // SAFETY: as above.
                unsafe { std::ptr::write_volatile(&raw mut bytes, [0; 32]) };
                self.file = Some(file);
                let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                self.others = vec![
                    Box::new(socket),
                    Box::new(pipe().unwrap()),
                    Box::new(folder),
                ];
            }
            "secretmem" => {
                // SAFETY: a system call that takes a number and returns a descriptor.
                let number = unsafe { libc::syscall(libc::SYS_memfd_secret, 0) };
                if number < 0 {
                    return vec!["unsupported".to_owned()];
                }
                // SAFETY: it is open, and nobody else's.
                let file = unsafe { OwnedFd::from_raw_fd(number as i32) };
                let file = std::fs::File::from(file);
                file.set_len(2 * PAGE as u64).unwrap();
                let around = map(4 * PAGE, all, private);
                let size = 2 * PAGE;
                // SAFETY: replaces the middle of a mapping of our own.
                unsafe {
                    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
                    let at = around.add(PAGE).cast();
                    let protection = libc::PROT_READ | libc::PROT_WRITE;
                    let map = libc::mmap(at, size, protection, flags, file.as_raw_fd(), 0);
                    assert_ne!(map, libc::MAP_FAILED);
                    write_secret(seed, map.cast());
                    write_secret(seed + 1, around.add(PAGE - 32));
                    write_secret(seed + 1, around.add(3 * PAGE));
                    addresses.push(map as u64);
                }
                self.file = Some(file);
            }
            "large" => {
                let size = 100 * 1024 * 1024;
                let map = map(size, all, private);
                // SAFETY: within the mapping.
                unsafe {
                    map.write_bytes(3, size);
                    write_secret(seed, map.add(size / 2));
                }
                self.mapping = Some((map, size));
                addresses.push(map as u64 + size as u64 / 2);
            }
            "busy" => {
                let map = map(PAGE, all, private);
                // SAFETY: within the mapping.
                unsafe { write_secret(seed, map) };
                for _ in 0..2 {
                    std::thread::spawn(|| {
                        loop {
                            std::thread::yield_now()
                        }
                    });
                }
            }
            "leaderless" => {
                let map = map(PAGE, all, private);
                // SAFETY: within the mapping.
                unsafe { write_secret(seed, map) };
                addresses.push(map as u64);
            }
            other => panic!("{other}"),
        }
        addresses.iter().map(u64::to_string).collect()
    }

    fn move_away(&mut self) -> u64 {
        let (from, size) = self.mapping.unwrap();
        // Somewhere else for sure: in a place that is free.
        let to = map(size, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE);
        // SAFETY: both mappings are ours; nothing refers to what is in them.
        let moved = unsafe {
            let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
            libc::mremap(from.cast(), size, size, flags, to)
        };
        assert_ne!(moved, libc::MAP_FAILED);
        moved as u64
    }
}

fn map(size: usize, protection: ProtFlags, flags: MapFlags) -> *mut u8 {
    let size = NonZeroUsize::new(size).unwrap();
    // SAFETY: a new mapping.
    let map = unsafe { mmap_anonymous(None, size, protection, flags) };
    map.unwrap().as_ptr().cast()
}

fn wipe(mut bytes: Vec<u8>) {
    for byte in &mut bytes {
        // SAFETY: it is borrowed mutably.
        unsafe { std::ptr::write_volatile(byte, 0xAA) };
    }
}

/// # Safety
///
/// The pages are ours, and nobody relies on their rights.
unsafe fn protect(at: *mut u8, size: usize, protection: ProtFlags) {
    let at = std::ptr::NonNull::new(at.cast()).unwrap();
    // SAFETY: the caller says so.
    unsafe { mprotect(at, size, protection) }.unwrap();
}

fn memfd() -> std::fs::File {
    // SAFETY: the name is a C string.
    let number = unsafe { libc::memfd_create(c"held".as_ptr(), 0) };
    assert!(number >= 0);
    // SAFETY: it is open, and nobody else's.
    std::fs::File::from(unsafe { OwnedFd::from_raw_fd(number) })
}
