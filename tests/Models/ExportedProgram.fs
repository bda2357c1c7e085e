/// The program of README.md that runs an exported file and references nothing of ours.
module Reproduction.Tests.ExportedProgram

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Expecto
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// The block of code after the marker.
let private program =
    lazy
        (let readme = File.ReadAllText(Path.Combine(root, "README.md"))
         let marker = Regex.Escape "<!-- exported: a test compiles and runs them -->"
         let found = Regex.Match(readme, marker + @"\s*```csharp\n(.*?)```", RegexOptions.Singleline)
         Expect.isTrue found.Success "README.md has the block"
         found.Groups[1].Value)

let private version =
    lazy
        (let versions = File.ReadAllText(Path.Combine(root, "Directory.Packages.props"))
         Regex.Match(versions, "Include=\"Microsoft.ML.OnnxRuntime\" Version=\"([0-9.]+)\"").Groups[1].Value)

let private project () =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{version.Value}" /></ItemGroup>
</Project>
"""

let private dotnet folder (arguments: string list) =
    let info =
        ProcessStartInfo("dotnet", arguments, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder)

    info.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] <- "1"
    info.Environment["MSBUILDDISABLENODEREUSE"] <- "1"
    use running = nonNull (Process.Start info)
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()

    if not (running.WaitForExit(TimeSpan.FromMinutes 5.0)) then
        running.Kill true
        failtest $"dotnet {arguments} did not end: {output}"

    Expect.equal running.ExitCode 0 $"dotnet {arguments}: {output}{error.Result}"
    output

[<Tests>]
let tests =
    testCase "exported program: README.md's program references ONNX Runtime alone and comes to the model's verdict"
    <| fun () ->
        let folder = Directory.CreateTempSubdirectory("reproduction-exported-").FullName
        let at name = Path.Combine(folder, name)

        let rendered split (defect: string) index =
            let struct (picture, _) = SurfacesDataset.Render("woven", split, defect, index, 0)
            picture

        try
            let good = Photographs.Of [| for index in 0..7 -> rendered "train" "good" index |]
            use model = Model.Fit("ssae", good, FitOptions(Profile = Profile.Smoke))
            model.Export(at "bottle.onnx") |> ignore
            File.WriteAllText(at "Run.csproj", project ())
            File.WriteAllText(at "Program.cs", program.Value)
            dotnet folder [ "build"; "-nologo"; "-v"; "q"; "-o"; at "bin" ] |> ignore

            for defect in [ "good"; "hole" ] do
                let picture = rendered "test" defect 0
                Expect.equal (picture.Width, picture.Height) (256, 256) "the program's size"
                File.WriteAllBytes(at "picture.rgb", picture.Pixels)
                let judged = model.Score picture
                let verdict = (string judged.Verdict).ToLowerInvariant()
                Expect.stringEnds ((dotnet folder [ at "bin/Run.dll" ]).Trim()) verdict $"{defect}: the verdict"
        finally
            Directory.Delete(folder, true)
