// Generated from schemas/context.json by `npm run generate`. Do not edit: change the source and generate again.
import formats from 'ajv-formats/dist/formats.js';

const { fullFormats } = formats;
export const validate = validate20;
const schema31 = {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://mplp.dev/schemas/v1.0/context.json","title":"MPLP Context Protocol - 全局状态管理","type":"object","properties":{"id":{"$ref":"base-types.json#/definitions/uuid"},"version":{"$ref":"base-types.json#/definitions/version"},"status":{"type":"string","enum":["active","suspended","completed","failed"]},"lifecycle_stage":{"type":"string","enum":["planning","execution","validation","completion"]},"shared_state":{"type":"object","properties":{"variables":{"type":"object"},"resources":{"type":"object"},"dependencies":{"type":"array","items":{"type":"string"}}}},"access_control":{"type":"object","properties":{"permissions":{"type":"array"},"roles":{"type":"array"},"policies":{"type":"array"}}},"metadata":{"type":"object","properties":{"created_at":{"$ref":"base-types.json#/definitions/timestamp"},"updated_at":{"$ref":"base-types.json#/definitions/timestamp"},"created_by":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}}},"global_state":{"type":"object","properties":{"project_id":{"type":"string"},"session_id":{"type":"string"},"environment":{"type":"string","enum":["development","staging","production"]}}},"shared_data":{"type":"object","properties":{"variables":{"type":"object"},"artifacts":{"type":"array"},"knowledge_base":{"type":"array"}}}},"required":["id","version","status","lifecycle_stage","shared_state"]};
const schema33 = {"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"};
const schema34 = {"type":"string","pattern":"^\\d+\\.\\d+(\\.\\d+)?$"};
const schema35 = {"type":"string","format":"date-time"};
const pattern4 = new RegExp("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "u");
const pattern5 = new RegExp("^\\d+\\.\\d+(\\.\\d+)?$", "u");
const formats0 = fullFormats["date-time"];

function validate20(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
/*# sourceURL="https://mplp.dev/schemas/v1.0/context.json" */;
let vErrors = null;
let errors = 0;
const evaluated0 = validate20.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.id === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "id"},message:"must have required property '"+"id"+"'"};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
if(data.version === undefined){
const err1 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "version"},message:"must have required property '"+"version"+"'"};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.status === undefined){
const err2 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "status"},message:"must have required property '"+"status"+"'"};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(data.lifecycle_stage === undefined){
const err3 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "lifecycle_stage"},message:"must have required property '"+"lifecycle_stage"+"'"};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.shared_state === undefined){
const err4 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "shared_state"},message:"must have required property '"+"shared_state"+"'"};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
if(data.id !== undefined){
let data0 = data.id;
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
const err5 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
else {
const err6 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
if(data.version !== undefined){
let data1 = data.version;
if(typeof data1 === "string"){
if(!pattern5.test(data1)){
const err7 = {instancePath:instancePath+"/version",schemaPath:"base-types.json#/definitions/version/pattern",keyword:"pattern",params:{pattern: "^\\d+\\.\\d+(\\.\\d+)?$"},message:"must match pattern \""+"^\\d+\\.\\d+(\\.\\d+)?$"+"\""};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
else {
const err8 = {instancePath:instancePath+"/version",schemaPath:"base-types.json#/definitions/version/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
if(data.status !== undefined){
let data2 = data.status;
if(typeof data2 !== "string"){
const err9 = {instancePath:instancePath+"/status",schemaPath:"#/properties/status/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
if(!((((data2 === "active") || (data2 === "suspended")) || (data2 === "completed")) || (data2 === "failed"))){
const err10 = {instancePath:instancePath+"/status",schemaPath:"#/properties/status/enum",keyword:"enum",params:{allowedValues: schema31.properties.status.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
if(data.lifecycle_stage !== undefined){
let data3 = data.lifecycle_stage;
if(typeof data3 !== "string"){
const err11 = {instancePath:instancePath+"/lifecycle_stage",schemaPath:"#/properties/lifecycle_stage/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(!((((data3 === "planning") || (data3 === "execution")) || (data3 === "validation")) || (data3 === "completion"))){
const err12 = {instancePath:instancePath+"/lifecycle_stage",schemaPath:"#/properties/lifecycle_stage/enum",keyword:"enum",params:{allowedValues: schema31.properties.lifecycle_stage.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
if(data.shared_state !== undefined){
let data4 = data.shared_state;
if(data4 && typeof data4 == "object" && !Array.isArray(data4)){
if(data4.variables !== undefined){
let data5 = data4.variables;
if(!(data5 && typeof data5 == "object" && !Array.isArray(data5))){
const err13 = {instancePath:instancePath+"/shared_state/variables",schemaPath:"#/properties/shared_state/properties/variables/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
if(data4.resources !== undefined){
let data6 = data4.resources;
if(!(data6 && typeof data6 == "object" && !Array.isArray(data6))){
const err14 = {instancePath:instancePath+"/shared_state/resources",schemaPath:"#/properties/shared_state/properties/resources/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
if(data4.dependencies !== undefined){
let data7 = data4.dependencies;
if(Array.isArray(data7)){
const len0 = data7.length;
for(let i0=0; i0<len0 && errors < 100; i0++){
if(typeof data7[i0] !== "string"){
const err15 = {instancePath:instancePath+"/shared_state/dependencies/" + i0,schemaPath:"#/properties/shared_state/properties/dependencies/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
}
else {
const err16 = {instancePath:instancePath+"/shared_state/dependencies",schemaPath:"#/properties/shared_state/properties/dependencies/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
}
else {
const err17 = {instancePath:instancePath+"/shared_state",schemaPath:"#/properties/shared_state/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
if(data.access_control !== undefined){
let data9 = data.access_control;
if(data9 && typeof data9 == "object" && !Array.isArray(data9)){
if(data9.permissions !== undefined){
if(!(Array.isArray(data9.permissions))){
const err18 = {instancePath:instancePath+"/access_control/permissions",schemaPath:"#/properties/access_control/properties/permissions/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
if(data9.roles !== undefined){
if(!(Array.isArray(data9.roles))){
const err19 = {instancePath:instancePath+"/access_control/roles",schemaPath:"#/properties/access_control/properties/roles/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
if(data9.policies !== undefined){
if(!(Array.isArray(data9.policies))){
const err20 = {instancePath:instancePath+"/access_control/policies",schemaPath:"#/properties/access_control/properties/policies/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
}
}
else {
const err21 = {instancePath:instancePath+"/access_control",schemaPath:"#/properties/access_control/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
if(data.metadata !== undefined){
let data13 = data.metadata;
if(data13 && typeof data13 == "object" && !Array.isArray(data13)){
if(data13.created_at !== undefined){
let data14 = data13.created_at;
if(typeof data14 === "string"){
if(!(formats0.validate(data14))){
const err22 = {instancePath:instancePath+"/metadata/created_at",schemaPath:"base-types.json#/definitions/timestamp/format",keyword:"format",params:{format: "date-time"},message:"must match format \""+"date-time"+"\""};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
else {
const err23 = {instancePath:instancePath+"/metadata/created_at",schemaPath:"base-types.json#/definitions/timestamp/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
}
if(data13.updated_at !== undefined){
let data15 = data13.updated_at;
if(typeof data15 === "string"){
if(!(formats0.validate(data15))){
const err24 = {instancePath:instancePath+"/metadata/updated_at",schemaPath:"base-types.json#/definitions/timestamp/format",keyword:"format",params:{format: "date-time"},message:"must match format \""+"date-time"+"\""};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
}
else {
const err25 = {instancePath:instancePath+"/metadata/updated_at",schemaPath:"base-types.json#/definitions/timestamp/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
if(data13.created_by !== undefined){
if(typeof data13.created_by !== "string"){
const err26 = {instancePath:instancePath+"/metadata/created_by",schemaPath:"#/properties/metadata/properties/created_by/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
if(data13.tags !== undefined){
let data17 = data13.tags;
if(Array.isArray(data17)){
const len1 = data17.length;
for(let i1=0; i1<len1 && errors < 100; i1++){
if(typeof data17[i1] !== "string"){
const err27 = {instancePath:instancePath+"/metadata/tags/" + i1,schemaPath:"#/properties/metadata/properties/tags/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
}
else {
const err28 = {instancePath:instancePath+"/metadata/tags",schemaPath:"#/properties/metadata/properties/tags/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
}
}
else {
const err29 = {instancePath:instancePath+"/metadata",schemaPath:"#/properties/metadata/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
}
if(data.global_state !== undefined){
let data19 = data.global_state;
if(data19 && typeof data19 == "object" && !Array.isArray(data19)){
if(data19.project_id !== undefined){
if(typeof data19.project_id !== "string"){
const err30 = {instancePath:instancePath+"/global_state/project_id",schemaPath:"#/properties/global_state/properties/project_id/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
}
if(data19.session_id !== undefined){
if(typeof data19.session_id !== "string"){
const err31 = {instancePath:instancePath+"/global_state/session_id",schemaPath:"#/properties/global_state/properties/session_id/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
}
if(data19.environment !== undefined){
let data22 = data19.environment;
if(typeof data22 !== "string"){
const err32 = {instancePath:instancePath+"/global_state/environment",schemaPath:"#/properties/global_state/properties/environment/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
if(!(((data22 === "development") || (data22 === "staging")) || (data22 === "production"))){
const err33 = {instancePath:instancePath+"/global_state/environment",schemaPath:"#/properties/global_state/properties/environment/enum",keyword:"enum",params:{allowedValues: schema31.properties.global_state.properties.environment.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
}
}
else {
const err34 = {instancePath:instancePath+"/global_state",schemaPath:"#/properties/global_state/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
}
if(data.shared_data !== undefined){
let data23 = data.shared_data;
if(data23 && typeof data23 == "object" && !Array.isArray(data23)){
if(data23.variables !== undefined){
let data24 = data23.variables;
if(!(data24 && typeof data24 == "object" && !Array.isArray(data24))){
const err35 = {instancePath:instancePath+"/shared_data/variables",schemaPath:"#/properties/shared_data/properties/variables/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
}
if(data23.artifacts !== undefined){
if(!(Array.isArray(data23.artifacts))){
const err36 = {instancePath:instancePath+"/shared_data/artifacts",schemaPath:"#/properties/shared_data/properties/artifacts/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
if(data23.knowledge_base !== undefined){
if(!(Array.isArray(data23.knowledge_base))){
const err37 = {instancePath:instancePath+"/shared_data/knowledge_base",schemaPath:"#/properties/shared_data/properties/knowledge_base/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
}
}
else {
const err38 = {instancePath:instancePath+"/shared_data",schemaPath:"#/properties/shared_data/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
}
}
else {
const err39 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
validate20.errors = vErrors;
return errors === 0;
}
validate20.evaluated = {"props":{"id":true,"version":true,"status":true,"lifecycle_stage":true,"shared_state":true,"access_control":true,"metadata":true,"global_state":true,"shared_data":true},"dynamicProps":false,"dynamicItems":false};
