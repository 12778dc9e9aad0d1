//! Pure renderers: data in, text out. None touches a stream.

pub(crate) mod duration;
pub(crate) mod event;
pub(crate) mod outputs;
mod paint;
pub(crate) mod plan;
pub(crate) mod tree;
mod value;

pub(crate) use paint::Paint;
