/// The library as a package: the program that README.md shows, compiled and run outside the repository.
module Reproduction.Tests.TenLines

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Expecto
open Reproduction.Imaging
open Reproduction.Surfaces
open Reproduction.Tests.Bench

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private configuration = if AppContext.BaseDirectory.Contains "Debug" then "Debug" else "Release"

let private program = lazy (readmeProgram "ten lines")

let private globalPackages =
    match Option.ofObj (Environment.GetEnvironmentVariable "NUGET_PACKAGES") with
    | Some folder when folder <> "" -> folder
    | _ -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")

/// This variable would take the place of the project's own folder of packages, and what is packed here would stay.
let private without = [ "NUGET_PACKAGES" ]

/// Packages that the machine has are taken from where they lie; our own goes into a folder of the project's, where no older one can be.
let private settings =
    $"""<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <config><add key="globalPackagesFolder" value="../packages" /></config>
  <fallbackPackageFolders><add key="machine" value="{globalPackages}" /></fallbackPackageFolders>
  <packageSources><add key="own" value="../feed" /></packageSources>
</configuration>
"""

/// One that no feed has.
let private version = $"0.0.1-test{DateTime.UtcNow.Ticks}"

let private project () =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Reproduction" Version="{version}" />
    <PackageReference Include="libtorch-cpu-linux-x64" Version="{packageVersion "libtorch-cpu-linux-x64"}" />
  </ItemGroup>
</Project>
"""

let private photographs folder =
    let write name split (defect: string) index =
        writePicture (Path.Combine(folder, "photos", name, $"{defect}-{index}.png")) (cloth split defect index)

    for index in 0..5 do
        write "good" "train" "good" index

    write "new" "test" "good" 0
    write "new" "test" "hole" 0

[<Tests>]
let tests =
    testSequenced
    <| testList "ten lines" [
        testCase "README.md's program is about ten lines"
        <| fun () ->
            let lines =
                program.Value.Split '\n'
                |> Array.filter (fun line -> line.Trim().Length > 1 && not (line.StartsWith "using Reproduction"))

            Expect.isLessThanOrEqual lines.Length 10 "lines without usings and braces"

        testCase "README.md's program runs from the package: it fits, saves, loads and judges"
        <| fun () ->
            if not (OperatingSystem.IsLinux()) then skiptest "the project takes libtorch for Linux"
            let temporary = Directory.CreateTempSubdirectory("reproduction-package-").FullName
            let folder = (Directory.CreateDirectory(Path.Combine(temporary, "inspect"))).FullName
            let at name = Path.Combine(folder, name)

            try
                let library = Path.Combine(root, "Core.CSharp", "Reproduction")

                dotnetSucceeds without library [
                    "pack"
                    "-c"
                    configuration
                    $"-p:PackageVersion={version}"
                    "--no-build"
                    "-o"
                    at "../feed"
                    "-nologo"
                ]
                |> ignore

                File.WriteAllText(at "nuget.config", settings)
                File.WriteAllText(at "Inspect.csproj", project ())
                File.WriteAllText(at "Program.cs", program.Value)
                photographs folder

                match dotnet without folder [ "restore"; "-nologo" ] with
                | 0, _ -> ()
                | _, output when Regex.IsMatch(output, "NU1301|NU1101|NU1102") ->
                    skiptest $"the feed cannot be reached, and the machine lacks a package: {output}"
                | _, output -> failtest output

                dotnetSucceeds without folder [ "build"; "--no-restore"; "-nologo"; "-v"; "q"; "-o"; at "bin" ] |> ignore
                let output = dotnetSucceeds without folder [ at "bin/Inspect.dll" ]
                let lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                Expect.hasLength lines 2 output

                for line, name in Seq.zip lines [ "good-0"; "hole-0" ] do
                    Expect.isTrue (Regex.IsMatch(line, $@"^photos/new/{name}\.png: -?\d+\.\d\d\d, (Good|Defective)$")) line
                    Expect.isTrue (File.Exists(at $"{name}-heat.png")) "the overlay"

                Expect.isTrue (File.Exists(at "product.model")) "the model"
                Expect.isTrue (File.Exists(at "bin/weights/resnet18_cntk.onnx")) "the network that comes along"
            finally
                Directory.Delete(temporary, true)
    ]
