//! Maps of files that stay and that do not.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::{PoisonError, RwLock};

use super::*;
use crate::source::testing::noise;

/// Written to by who takes all the room there is.
static ROOM: RwLock<()> = RwLock::new(());

fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn page() -> u64 {
    handled().unwrap() as u64
}

#[test]
fn a_map_has_what_the_file_has() {
    let _room = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    let page = page();
    let content = noise(3, 3 * page as usize + 1);
    for size in [1, page - 1, page, page + 1, 3 * page + 1] {
        let file = file(&content[..size as usize]);
        for start in [0, 1, page - 1, page, page + 1] {
            if start >= size {
                continue;
            }
            let map = Map::new(&file, start..size).unwrap();
            assert!(map.is_cached(&(start..size)));
            assert_eq!(map.fetch(start..size), Ok(()));
            let (bytes, whole) = map.lend(start..size, <[u8]>::to_vec);
            assert!(bytes == content[start as usize..size as usize]);
            assert_eq!(whole, Ok(()));
        }
    }
    let empty = file(&[]);
    assert!(Map::new(&empty, 0..0).is_none());
}

#[test]
fn what_is_cut_off_comes_out_as_zeros_and_is_told() {
    let _room = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    let page = page();
    let size = 8 * page;
    let content = noise(5, size as usize);
    let file = file(&content);
    let map = Map::new(&file, 0..size).unwrap();
    let end = 3 * page + 100;
    let (bytes, missing) = map.lend(0..size, |bytes| {
        assert_eq!(bytes[0], content[0]);
        file.set_len(end).unwrap();
        bytes.to_vec()
    });
    assert!(bytes[..end as usize] == content[..end as usize]);
    assert!(bytes[end as usize..].iter().all(|byte| *byte == 0));
    // Of the page in which the file ends now, the rest is zeros, and nobody tells: that is what the stamp is for.
    assert_eq!(missing, Err(Missing { at: 4 * page }));
    let map = Map::new(&file, page..size).unwrap();
    assert_eq!(map.fetch(page..end), Ok(()));
    assert_eq!(map.fetch(page..size), Err(Missing { at: 4 * page }));
}

#[test]
fn each_of_many_threads_is_told_of_its_own_map() {
    let _room = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    let page = page();
    let size = 64 * page;
    std::thread::scope(|scope| {
        for number in 0..16 {
            scope.spawn(move || {
                for round in 0..50 {
                    let file = file(&noise(number + 1, size as usize));
                    let map = Map::new(&file, 0..size).unwrap();
                    let kept = (number * 3 + round) % 64;
                    if number % 2 == 1 {
                        file.set_len(kept * page).unwrap();
                    }
                    let expected = if number % 2 == 1 {
                        Err(Missing { at: kept * page })
                    } else {
                        Ok(())
                    };
                    assert_eq!(map.fetch(0..size), expected);
                }
            });
        }
    });
}

#[test]
fn more_maps_than_there_is_room_for_are_none() {
    let _room = ROOM.write().unwrap_or_else(PoisonError::into_inner);
    let file = file(&[7]);
    let maps: Vec<Option<Map>> = (0..=SLOTS).map(|_| Map::new(&file, 0..1)).collect();
    assert!(maps.iter().any(Option::is_some) && maps.iter().any(Option::is_none));
    drop(maps);
    assert!((0..SLOTS).any(|_| Map::new(&file, 0..1).is_some()));
}

/// Not ours is not ours: the program ends by it as if we had no handler.
#[test]
fn a_bus_error_elsewhere_ends_the_program() {
    const ASKED: &str = "SCAS_TEST_BUS_ERROR";
    if std::env::var_os(ASKED).is_some() {
        let file = file(&noise(1, 2 * page() as usize));
        let ours = Map::new(&file, 0..2 * page()).unwrap();
        let length = NonZeroUsize::new(page() as usize).unwrap();
        // SAFETY: a new mapping, and reading it is what this is about.
        let foreign = unsafe {
            let shared = MapFlags::MAP_SHARED;
            let place = mmap(None, length, ProtFlags::PROT_READ, shared, &file, 0).unwrap();
            file.set_len(0).unwrap();
            assert!(ours.fetch(0..1).is_err());
            place.cast::<u8>().read_volatile()
        };
        panic!("{foreign} was read where nothing is");
    }
    let name = "source::map::tests::a_bus_error_elsewhere_ends_the_program";
    let ended = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(ASKED, "1")
        .output()
        .unwrap();
    assert_eq!(ended.status.signal(), Some(libc::SIGBUS), "{ended:?}");
}

#[test]
fn files_of_the_kernel_and_of_holes_in_memory_are_not_mapped() {
    for path in ["/proc/self/maps", "/sys/kernel/notes"] {
        if let Ok(file) = File::open(path) {
            assert!(!may(&file, &file.metadata().unwrap()), "{path}");
        }
    }
    let Ok(holes) = tempfile::tempfile_in("/dev/shm") else {
        // Then nothing lies there, either.
        return;
    };
    holes.set_len(1 << 20).unwrap();
    assert!(!may(&holes, &holes.metadata().unwrap()));
    holes.write_all_at(&noise(1, 1 << 20), 0).unwrap();
    assert!(may(&holes, &holes.metadata().unwrap()));
}
