//! Stands in for the crate of this name, of which ring uses one function. The real one would bring wasm-bindgen, and with it
//! generated JavaScript; here the embedder passes a function in.

#![no_std]

#[derive(Debug)]
pub struct Error;

#[link(wasm_import_module = "env")]
extern "C" {
    /// Fills memory with bytes that nobody can foresee.
    fn fill_random(at: *mut u8, length: usize);
}

pub fn getrandom(bytes: &mut [u8]) -> Result<(), Error> {
    unsafe { fill_random(bytes.as_mut_ptr(), bytes.len()) };
    Ok(())
}
