//! Pictures for the demo, drawn from a few shapes, so that the shop needs no files.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::error::{Error, Result};

/// Side of a picture in pixels.
const SIDE: u32 = 560;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Mug,
    Lamp,
    Shirt,
    Fruit,
    Plant,
    Headphone,
    Camera,
    Bicycle,
    Chair,
    Blocks,
    Vase,
    Watch,
}

type Colour = [f32; 3];

/// A colour from hue (degrees), saturation and lightness.
fn hsl(hue: f32, saturation: f32, lightness: f32) -> Colour {
    let a = saturation * lightness.min(1.0 - lightness);
    let channel = |n: f32| {
        let k = (n + hue / 30.0).rem_euclid(12.0);
        lightness - a * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
    };
    [channel(0.0), channel(8.0), channel(4.0)]
}

/// A filled part: its signed distance at a point, and its colour. Coordinates go from −1 to 1, y down.
struct Part {
    distance: Box<dyn Fn(f32, f32) -> f32>,
    colour: Colour,
}

fn circle(x: f32, y: f32, r: f32) -> impl Fn(f32, f32) -> f32 + Clone {
    move |px, py| (px - x).hypot(py - y) - r
}

fn ring(x: f32, y: f32, r: f32, w: f32) -> impl Fn(f32, f32) -> f32 + Clone {
    move |px, py| ((px - x).hypot(py - y) - r).abs() - w
}

fn block(x: f32, y: f32, w: f32, h: f32, r: f32) -> impl Fn(f32, f32) -> f32 + Clone {
    move |px, py| {
        let (dx, dy) = ((px - x).abs() - w + r, (py - y).abs() - h + r);
        dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - r
    }
}

fn line(x1: f32, y1: f32, x2: f32, y2: f32, w: f32) -> impl Fn(f32, f32) -> f32 + Clone {
    move |px, py| {
        let (dx, dy) = (x2 - x1, y2 - y1);
        let t = (((px - x1) * dx + (py - y1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        (px - x1 - t * dx).hypot(py - y1 - t * dy) - w
    }
}

fn ellipse(x: f32, y: f32, rx: f32, ry: f32) -> impl Fn(f32, f32) -> f32 + Clone {
    move |px, py| (((px - x) / rx).hypot((py - y) / ry) - 1.0) * rx.min(ry)
}

fn part(colour: Colour, distance: impl Fn(f32, f32) -> f32 + 'static) -> Part {
    Part { distance: Box::new(distance), colour }
}

fn parts(shape: Shape, hue: f32) -> Vec<Part> {
    let (main, dark) = (hsl(hue, 0.55, 0.56), hsl(hue, 0.5, 0.4));
    let (light, pale) = (hsl(hue, 0.6, 0.72), hsl(hue + 25.0, 0.5, 0.9));
    let (ink, white, wood) = ([0.16, 0.15, 0.17], [0.98, 0.97, 0.95], hsl(30.0, 0.42, 0.5));
    match shape {
        Shape::Mug => vec![
            part(dark, ring(0.36, 0.05, 0.2, 0.055)),
            part(main, block(-0.04, 0.06, 0.38, 0.42, 0.12)),
            part(light, block(-0.26, 0.06, 0.05, 0.3, 0.05)),
            part(dark, ellipse(-0.04, -0.34, 0.36, 0.07)),
            part(ink, ellipse(-0.04, -0.33, 0.31, 0.05)),
        ],
        Shape::Lamp => vec![
            part(wood, block(0.0, 0.5, 0.3, 0.05, 0.05)),
            part(wood, line(0.0, 0.45, 0.0, 0.1, 0.035)),
            part(hsl(46.0, 0.95, 0.82), circle(0.0, -0.16, 0.38)),
            part(hsl(50.0, 1.0, 0.93), circle(-0.08, -0.24, 0.2)),
        ],
        Shape::Shirt => vec![
            part(dark, line(-0.3, -0.32, -0.55, -0.02, 0.14)),
            part(dark, line(0.3, -0.32, 0.55, -0.02, 0.14)),
            part(main, block(0.0, 0.08, 0.36, 0.5, 0.08)),
            part(pale, circle(0.0, -0.46, 0.15)),
            part(light, block(0.14, -0.05, 0.08, 0.09, 0.02)),
        ],
        Shape::Fruit => vec![
            part(hsl(26.0, 0.92, 0.5), circle(-0.26, 0.2, 0.3)),
            part(hsl(30.0, 0.95, 0.56), circle(0.26, 0.22, 0.3)),
            part(hsl(33.0, 0.97, 0.6), circle(0.0, -0.1, 0.32)),
            part(hsl(38.0, 1.0, 0.75), circle(-0.1, -0.2, 0.07)),
            part(hsl(120.0, 0.4, 0.4), ellipse(0.14, -0.44, 0.17, 0.075)),
        ],
        Shape::Plant => vec![
            part(hsl(130.0, 0.42, 0.38), ellipse(-0.2, -0.2, 0.15, 0.34)),
            part(hsl(120.0, 0.45, 0.45), ellipse(0.2, -0.2, 0.15, 0.34)),
            part(hsl(140.0, 0.42, 0.5), ellipse(0.0, -0.3, 0.16, 0.4)),
            part(hsl(16.0, 0.55, 0.55), block(0.0, 0.32, 0.3, 0.26, 0.06)),
            part(hsl(16.0, 0.55, 0.45), block(0.0, 0.12, 0.35, 0.07, 0.04)),
        ],
        Shape::Headphone => {
            let band = ring(0.0, 0.0, 0.46, 0.055);
            vec![
                part(dark, move |x, y| band(x, y).max(y - 0.08)),
                part(ink, block(-0.44, 0.18, 0.13, 0.24, 0.1)),
                part(ink, block(0.44, 0.18, 0.13, 0.24, 0.1)),
                part(main, block(-0.5, 0.18, 0.09, 0.19, 0.08)),
                part(main, block(0.5, 0.18, 0.09, 0.19, 0.08)),
            ]
        }
        Shape::Camera => vec![
            part(ink, block(0.0, -0.32, 0.2, 0.1, 0.04)),
            part(hsl(hue, 0.25, 0.32), block(0.0, 0.08, 0.62, 0.38, 0.1)),
            part([0.8, 0.79, 0.77], block(0.0, -0.2, 0.62, 0.1, 0.05)),
            part(ink, circle(0.0, 0.1, 0.29)),
            part([0.35, 0.38, 0.45], circle(0.0, 0.1, 0.22)),
            part(ink, circle(0.0, 0.1, 0.13)),
            part([0.75, 0.85, 0.95], circle(-0.06, 0.04, 0.05)),
            part(main, circle(0.48, -0.2, 0.05)),
        ],
        Shape::Bicycle => vec![
            part(ink, ring(-0.42, 0.26, 0.26, 0.032)),
            part(ink, ring(0.42, 0.26, 0.26, 0.032)),
            part(main, line(-0.42, 0.26, -0.14, -0.18, 0.035)),
            part(main, line(-0.14, -0.18, 0.3, -0.18, 0.035)),
            part(main, line(-0.04, 0.26, 0.3, -0.18, 0.035)),
            part(main, line(-0.42, 0.26, -0.04, 0.26, 0.035)),
            part(main, line(-0.04, 0.26, -0.18, -0.3, 0.035)),
            part(main, line(0.42, 0.26, 0.27, -0.36, 0.035)),
            part(ink, line(0.2, -0.4, 0.38, -0.38, 0.035)),
            part(ink, block(-0.2, -0.33, 0.13, 0.04, 0.04)),
        ],
        Shape::Chair => vec![
            part(hsl(28.0, 0.42, 0.36), line(-0.26, 0.1, -0.32, 0.62, 0.04)),
            part(hsl(28.0, 0.42, 0.36), line(0.26, 0.1, 0.32, 0.62, 0.04)),
            part(wood, line(-0.26, 0.1, -0.26, -0.55, 0.04)),
            part(wood, line(0.26, 0.1, 0.26, -0.55, 0.04)),
            part(wood, block(0.0, -0.46, 0.28, 0.09, 0.04)),
            part(wood, block(0.0, -0.2, 0.28, 0.05, 0.04)),
            part(hsl(30.0, 0.5, 0.6), block(0.0, 0.1, 0.36, 0.07, 0.05)),
        ],
        Shape::Blocks => vec![
            part(hsl(4.0, 0.75, 0.6), block(-0.3, 0.3, 0.24, 0.24, 0.05)),
            part(hsl(210.0, 0.65, 0.58), block(0.28, 0.3, 0.24, 0.24, 0.05)),
            part(hsl(48.0, 0.9, 0.6), block(0.0, -0.2, 0.24, 0.24, 0.05)),
            part(white, circle(-0.3, 0.3, 0.1)),
            part(white, block(0.28, 0.3, 0.09, 0.09, 0.02)),
            part(white, ring(0.0, -0.2, 0.09, 0.03)),
        ],
        Shape::Vase => vec![
            part([0.86, 0.86, 0.88], circle(0.0, 0.08, 0.48)),
            part(white, circle(-0.03, 0.05, 0.43)),
            part([0.9, 0.9, 0.92], block(0.0, -0.4, 0.17, 0.07, 0.03)),
            part([0.7, 0.7, 0.74], ellipse(0.0, -0.46, 0.15, 0.03)),
            part([0.84, 0.84, 0.87], block(0.0, 0.54, 0.2, 0.05, 0.03)),
        ],
        Shape::Watch => vec![
            part(hsl(24.0, 0.45, 0.33), block(0.0, -0.5, 0.16, 0.3, 0.05)),
            part(hsl(24.0, 0.45, 0.33), block(0.0, 0.5, 0.16, 0.3, 0.05)),
            part([0.78, 0.79, 0.82], circle(0.0, 0.0, 0.42)),
            part(hsl(hue, 0.5, 0.22), circle(0.0, 0.0, 0.35)),
            part(white, line(0.0, 0.0, 0.0, -0.24, 0.018)),
            part(white, line(0.0, 0.0, 0.16, 0.1, 0.022)),
            part(hsl(8.0, 0.8, 0.6), circle(0.0, 0.0, 0.035)),
            part([0.78, 0.79, 0.82], block(0.44, 0.0, 0.05, 0.06, 0.02)),
        ],
    }
}

/// Draws a thing on a soft ground; `close` shows it nearer.
pub(super) fn jpeg(shape: Shape, hue: f32, close: bool) -> Result<Vec<u8>> {
    let parts = parts(shape, if close { hue - 40.0 } else { hue });
    let (low, high) = (hsl(hue + 20.0, 0.38, 0.84), hsl(hue - 10.0, 0.42, 0.94));
    let zoom = if close { 0.72 } else { 1.0 };
    let edge = 2.0 * zoom / SIDE as f32;
    let shade = ellipse(0.0, 0.64, 0.5, 0.07);
    let drawn = RgbImage::from_fn(SIDE, SIDE, |px, py| {
        let x = (2.0 * px as f32 / SIDE as f32 - 1.0) * zoom;
        let y = (2.0 * py as f32 / SIDE as f32 - 1.0) * zoom;
        let t = (y + 1.0) / 2.0;
        let mut colour = [0, 1, 2].map(|i| high[i] * (1.0 - t) + low[i] * t);
        let cast = 0.22 * (1.0 - (shade(x, y) / 0.1).clamp(0.0, 1.0));
        colour = colour.map(|channel| channel * (1.0 - cast));
        for part in &parts {
            let cover = (0.5 - (part.distance)(x, y) / edge).clamp(0.0, 1.0);
            if cover > 0.0 {
                // Light from the upper left.
                let lit = 1.0 - 0.1 * (x + y);
                colour = [0, 1, 2].map(|i| colour[i] * (1.0 - cover) + (part.colour[i] * lit) * cover);
            }
        }
        Rgb(colour.map(|channel| (channel.clamp(0.0, 1.0) * 255.0) as u8))
    });
    let mut bytes = Vec::new();
    let written = DynamicImage::from(drawn).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg);
    written.map(|()| bytes).map_err(|e| Error::Internal(format!("cannot draw: {e}")))
}
