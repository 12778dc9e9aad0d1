//! `media`, the bundled live media server.

fn main() -> std::process::ExitCode {
    media::cli::main()
}
