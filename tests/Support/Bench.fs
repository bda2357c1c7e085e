/// What tests of the command and of models stand on: photographs, folders that go away, and the command inside this process.
module Reproduction.Tests.Bench

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Repro
open Reproduction
open Reproduction.Imaging
open Reproduction.Surfaces

/// A photograph of cloth out of Surfaces.
let cloth split (defect: string) index =
    let struct (photograph, _) = SurfacesDataset.Render("woven", split, defect, index, 0)
    photograph

/// Writes a picture, and the folders above it.
let writePicture (path: string) (picture: Image) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    ImageFile.Write(path, picture)

/// The command inside this process: exit code, standard output, standard error.
let repro (arguments: string list) =
    use output = new StringWriter()
    use error = new StringWriter()
    let code = CommandLine.Run(List.toArray arguments, output, error)
    code, output.ToString(), error.ToString()

/// The same with all that it printed in one.
let told arguments =
    let code, output, error = repro arguments
    code, output + error

/// Gives a test what makes paths in a folder of its own, which goes with it.
let inFolder (work: (string -> string) -> unit) () =
    let folder = Directory.CreateTempSubdirectory("reproduction-").FullName

    try
        work (fun name -> Path.Combine(folder, name))
    finally
        Directory.Delete(folder, true)

/// A folder that tests share.
type SharedFolder(root: string) =
    /// The path of a name in it.
    member _.Item
        with get (name: string) = Path.Combine(root, name)

/// A folder that the tests of a list share: filled when first asked for, gone with the process.
let sharedFolder (fill: SharedFolder -> unit) =
    lazy
        (let folder = Directory.CreateTempSubdirectory("reproduction-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let shared = SharedFolder folder
         fill shared
         shared)

/// The error with which work ends names all of these.
let fails (words: string list) (work: unit -> unit) =
    let message =
        try
            work ()
            failtest $"no error that says %A{words}"
        with :? UserError as error ->
            error.Message

    for word in words do
        Expect.stringContains message word "the message"

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// The program in README.md after a comment that says `mark: a test compiles and runs them`.
let readmeProgram mark =
    let marker = $"<!-- {Regex.Escape mark}: a test [^>]*-->"
    let readme = File.ReadAllText(Path.Combine(root, "README.md"))
    let found = Regex.Match(readme, marker + @"\s*```[a-z]+\n(.*?)```", RegexOptions.Singleline)
    Expect.isTrue found.Success "README.md has the block"
    found.Groups[1].Value

/// The version of a package that the repository is built with.
let packageVersion (name: string) =
    let versions = File.ReadAllText(Path.Combine(root, "Directory.Packages.props"))
    Regex.Match(versions, $"Include=\"{Regex.Escape name}\" Version=\"([0-9.]+)\"").Groups[1].Value

/// Runs `dotnet` in a folder outside the repository: exit code and all that it printed.
let dotnet environment folder (arguments: string list) =
    let own = [ "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", Some "1"; "MSBUILDDISABLENODEREUSE", Some "1" ]
    let ended = AwaitedProcess.call (own @ environment) folder "dotnet" arguments
    ended.ExitCode, ended.Output + ended.Error

/// The same where only success will do: what it printed.
let dotnetSucceeds environment folder arguments =
    let code, output = dotnet environment folder arguments
    Expect.equal code 0 $"dotnet {arguments}: {output}"
    output
