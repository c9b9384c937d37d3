//! Encodes documents by the crate muvera-rs, for encode.py:
//!
//!     encode TOKENS OFFSETS DIM VALUES THREADS
//!
//! TOKENS is float32, OFFSETS uint64, one more than there are documents. For each line of the
//! standard input all documents are encoded once, as VALUES numbers each, and the seconds that
//! took are printed; a line "documents FILE" or "queries FILE" has their encodings written. A bucket
//! is DIM numbers up to muvera-rs 0.2, one number from 0.3 on.
use muvera_rs::encoder::fde_encoder::{FDEEncoder, FDEEncoding};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::hint::black_box;
use std::io::{stdin, BufRead};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |i: usize| arguments[i].parse::<usize>().expect("a number");
    let read = |i: usize| std::fs::read(&arguments[i]).expect("a file");
    let tokens: Vec<f32> = read(1)
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let offsets: Vec<usize> = read(2)
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()) as usize)
        .collect();
    let dim = number(3);
    let of_a_bucket = FDEEncoder::<f32>::new(1, dim, 42)
        .encode_doc(ArrayView2::from_shape((1, dim), &tokens[..dim]).unwrap())
        .len();
    let encoder = FDEEncoder::<f32>::new(number(4) / of_a_bucket, dim, 42);
    rayon::ThreadPoolBuilder::new()
        .num_threads(number(5))
        .build_global()
        .unwrap();
    let documents: Vec<ArrayView2<f32>> = offsets
        .windows(2)
        .map(|ends| {
            let values = &tokens[ends[0] * dim..ends[1] * dim];
            ArrayView2::from_shape((ends[1] - ends[0], dim), values).unwrap()
        })
        .collect();
    for line in stdin().lock().lines() {
        if let Some((kind, path)) = line.unwrap().split_once(' ') {
            let write = |document: &ArrayView2<f32>| match kind {
                "queries" => encoder.encode_query(document.view()).to_vec(),
                _ => encoder.encode_doc(document.view()).to_vec(),
            };
            let values = documents.iter().flat_map(write);
            let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
            std::fs::write(path, bytes).expect("room for encodings");
            println!();
            continue;
        }
        let start = Instant::now();
        documents.par_iter().for_each(|document| {
            black_box(encoder.encode_doc(document.view()));
        });
        println!("{}", start.elapsed().as_secs_f64());
    }
}
