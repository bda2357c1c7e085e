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
open Reproduction.Tests.Bench

let private project () =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{packageVersion "Microsoft.ML.OnnxRuntime"}" /></ItemGroup>
</Project>
"""

[<Tests>]
let tests =
    testCase "exported program: README.md's program references ONNX Runtime alone and comes to the model's verdict"
    <| fun () ->
        let folder = Directory.CreateTempSubdirectory("reproduction-exported-").FullName
        let at name = Path.Combine(folder, name)

        try
            let good = Photographs.Of [| for index in 0..7 -> cloth "train" "good" index |]
            use model = Model.Fit("ssae", good, FitOptions(Profile = Profile.Smoke))
            model.Export(at "bottle.onnx") |> ignore
            File.WriteAllText(at "Run.csproj", project ())
            File.WriteAllText(at "Program.cs", readmeProgram "exported")
            dotnetSucceeds [] folder [ "build"; "-nologo"; "-v"; "q"; "-o"; at "bin" ] |> ignore

            for defect in [ "good"; "hole" ] do
                let picture = cloth "test" defect 0
                Expect.equal (picture.Width, picture.Height) (256, 256) "the program's size"
                File.WriteAllBytes(at "picture.rgb", picture.Pixels)
                let judged = model.Score picture
                let verdict = (string judged.Verdict).ToLowerInvariant()
                Expect.stringEnds ((dotnetSucceeds [] folder [ at "bin/Run.dll" ]).Trim()) verdict $"{defect}: the verdict"
        finally
            Directory.Delete(folder, true)
